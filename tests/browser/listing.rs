//! What a person reads: the list, its pages and filters, one task.

use crate::{
    page::visit,
    server::{Home, Server},
};

const ANYWHERE: &str = "127.0.0.1:0";

async fn served() -> (Home, Server) {
    let home = Home::new("");
    let server = home.serve(&[], ANYWHERE).await;
    (home, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_filtered_and_its_link_leads_to_the_same_view() {
    let (_home, server) = served().await;
    server.invoke("echo", "first", "hello").await;
    server.until_status("echo", "first", "Succeeded").await;
    server.invoke("broken", "paper-1", "x").await;
    server.until_status("broken", "paper-1", "Failed").await;
    server.invoke_later("echo", "waits").await;
    visit(&server.endpoint, async |page| {
        page.until_lists(&["waits", "paper-1", "first"]).await;
        page.until_says("#counts a[data-status=Failed]", "1").await;
        page.until_says("#counts a[data-status=Enqueued]", "1")
            .await;
        page.until_says("#list tr:nth-child(2) .wrong", "exit status 3")
            .await;
        page.choose("#filters [name=order]", "oldest first").await;
        page.until_lists(&["first", "paper-1", "waits"]).await;
        page.click("#counts a[data-status=Failed]").await;
        page.until_lists(&["paper-1"]).await;
        page.choose("#filters [name=status]", "any").await;
        page.enter("#filters [name=function]", "shop/echo").await;
        page.until_lists(&["first", "waits"]).await;
        page.enter("#filters [name=prefix]", "wa").await;
        page.until_lists(&["waits"]).await;
        let link = page.url().await;
        page.open("about:blank").await;
        page.open(&link).await;
        page.until_lists(&["waits"]).await;
        page.until("document.querySelector('[name=prefix]').value === 'wa'")
            .await;
        page.until("document.querySelector('[name=order]').value === 'asc'")
            .await;
        page.enter("#filters [name=prefix]", "none-such").await;
        page.until_says("#list", "No task matches").await;
        page.follow("Clear the filters").await;
        page.until_lists(&["first", "waits"]).await;
        page.enter("#filters [name=function]", "shop/idle").await;
        page.until_says("#list", "ekiden invoke shop/idle").await;
        page.console_is_clean(false).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_of_time_includes_what_was_accepted_in_it() {
    let (_home, server) = served().await;
    server.invoke_later("echo", "now").await;
    let link = format!("{}/#function=shop/echo", server.endpoint);
    visit(&format!("{link}&until=1000"), async |page| {
        page.until_says("#list", "No task matches").await;
        page.until("document.querySelector('[name=until]').value !== ''")
            .await;
        page.open(&format!("{link}&from=1000&until=99999999999999"))
            .await;
        page.until_lists(&["now"]).await;
        page.console_is_clean(false).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_turned_forwards_and_back() {
    let (_home, server) = served().await;
    for number in 0..60 {
        server.invoke_later("echo", &format!("e-{number:02}")).await;
    }
    for number in 0..5 {
        server.invoke_later("idle", &format!("i-{number}")).await;
    }
    let link = format!("{}/#function=shop/echo", server.endpoint);
    visit(&link, async |page| {
        page.until_counts(50).await;
        page.press("Older →").await;
        page.until_counts(10).await;
        page.until_says("#summary", "page 2").await;
        page.reload().await;
        page.until_counts(10).await;
        page.press("← Newer").await;
        page.until_counts(50).await;
        page.until_says("#list tbody tr", "e-59").await;
        // Those of all functions are merged, and no task is shown twice or left out.
        page.open(&format!("{}/#order=asc", server.endpoint)).await;
        let first = "document.querySelector('#list tbody th a')?.textContent === ";
        for (start, count) in [("e-00", 25), ("e-25", 25), ("e-50", 15)] {
            page.until(&format!("{first}'{start}'")).await;
            page.until_counts(count).await;
            if count == 25 {
                page.press("Newer →").await;
            }
        }
        page.press("← Older").await;
        page.until(&format!("{first}'e-25'")).await;
        page.console_is_clean(false).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_shows_by_itself_and_nobody_loses_their_place() {
    let (_home, server) = served().await;
    server.invoke_later("echo", "older").await;
    server.invoke_later("echo", "old").await;
    visit(&server.endpoint, async |page| {
        page.until_lists(&["old", "older"]).await;
        page.tell("document.querySelectorAll('#list th a')[1].focus()")
            .await;
        server.invoke_later("echo", "new").await;
        page.until_lists(&["new", "old", "older"]).await;
        page.until("document.activeElement.textContent === 'older'")
            .await;
        page.press("Pause").await;
        server.invoke_later("echo", "newer").await;
        page.press("Pause").await;
        page.until_lists(&["newer", "new", "old", "older"]).await;
        page.console_is_clean(false).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_tells_its_whole_record() {
    let (_home, server) = served().await;
    server.invoke("broken", "paper-1", "four sheets").await;
    server.until_status("broken", "paper-1", "Failed").await;
    server.invoke("echo", "bytes", [0xff, 0x00, 0x01]).await;
    server.until_status("echo", "bytes", "Succeeded").await;
    visit(&server.endpoint, async |page| {
        page.follow("paper-1").await;
        page.until_says("#task .head", "Failed").await;
        let focused = "document.activeElement.id === 'task'";
        page.until(focused).await;
        let statuses = "[...document.querySelectorAll('.timeline .status')]\
                        .map((status) => status.textContent).join()";
        let story = "Enqueued,Dequeued,Running,Retrying,Dequeued,Running,Failed";
        page.until(&format!("{statuses} === '{story}'")).await;
        page.until("document.querySelectorAll('.attempts li').length === 2")
            .await;
        page.click(".attempts summary").await;
        page.until_says(".attempts pre", "<b>no</b> paper").await;
        page.until_says(".delivery", "amqp:/nowhere").await;
        page.until_says("#task", "four sheets").await;
        page.press("Copy id").await;
        page.until_says("#said", "paper-1").await;
        page.tell("document.querySelector('#task').focus()").await;
        page.write("#task", "\u{e00c}").await;
        page.until("document.querySelector('#task').hidden").await;
        page.until("document.activeElement.textContent === 'paper-1'")
            .await;
        page.follow("bytes").await;
        page.until_says("#task", "Binary, 3 bytes").await;
        page.console_is_clean(false).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_what_is_told_stays_text() {
    let (_home, server) = served().await;
    let markup = "<img src=x onerror=\"tricked=1\"><script>tricked=1</script>";
    server.invoke("echo", "tricky", markup).await;
    server.until_status("echo", "tricky", "Succeeded").await;
    let link = format!("{}/#task=shop/echo/tricky", server.endpoint);
    visit(&link, async |page| {
        page.until_says("#task pre[aria-label=payload]", markup)
            .await;
        page.until_says("#task pre[aria-label=output]", markup)
            .await;
        let is_untouched = "!document.querySelector('main img, main script') && !window.tricked";
        page.until(is_untouched).await;
        page.console_is_clean(false).await;
        let id = "%3Cimg%20src=x%20onerror=tricked=1%3E";
        let there = format!("#function=shop/echo&prefix={id}&task=shop/echo/{id}");
        page.open(&format!("{}/{there}", server.endpoint)).await;
        page.until_says("#task .error", "<img src=x onerror=tricked=1>")
            .await;
        page.until_says("#task h2", "<img src=x onerror=tricked=1>")
            .await;
        page.until(is_untouched).await;
        page.console_is_clean(true).await;
    })
    .await;
}
