//! Access keys: asked for, kept in the tab, and told of what they may not do.

use crate::{page::visit, server::Home};

const KEYS: &str = r#"
[[auth.key]]
id = "owner"
secret = "ownersecret"
scopes = ["invoke", "read", "manage"]

[[auth.key]]
id = "reader"
secret = "readersecret"
scopes = ["read"]

[[auth.key]]
id = "tenant"
secret = "tenantsecret"
scopes = ["read"]
functions = ["shop/echo"]

[[auth.key]]
id = "producer"
secret = "producersecret"
scopes = ["invoke"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_asked_for_and_what_it_may_not_do_is_said() {
    let home = Home::new(KEYS);
    let server = home.serve(&[], "127.0.0.1:0").await;
    server.invoke_later("echo", "waits").await;
    server.invoke_later("idle", "waits-too").await;
    visit(&server.endpoint, async |page| {
        page.write("#key [name=id]", "reader").await;
        page.enter("#key [name=secret]", "wrong").await;
        page.until_says("#key-why", "secret is not that").await;
        page.until("document.querySelector('#list tbody') === null")
            .await;
        page.write("#key [name=id]", "reader").await;
        page.enter("#key [name=secret]", "readersecret").await;
        page.until_lists(&["waits-too", "waits"]).await;
        page.until("localStorage.length === 0 && document.cookie === ''")
            .await;
        page.reload().await;
        page.until_lists(&["waits-too", "waits"]).await;
        page.follow("waits").await;
        page.press("Stop").await;
        page.press("Stop it").await;
        page.until_says("#said.bad", "no scope 'invoke'").await;
        assert_eq!(server.status("echo", "waits").await, "Enqueued");
        page.press("Forget key").await;
        page.until_says("#key", "Access key").await;
        page.until("!document.querySelector('#list tbody, #task .head')")
            .await;
        page.console_is_clean(true).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sees_no_more_than_it_may() {
    let home = Home::new(KEYS);
    let server = home.serve(&[], "127.0.0.1:0").await;
    server.invoke_later("echo", "waits").await;
    server.invoke_later("idle", "hidden").await;
    visit(&server.endpoint, async |page| {
        page.write("#key [name=id]", "tenant").await;
        page.enter("#key [name=secret]", "tenantsecret").await;
        page.until_lists(&["waits"]).await;
        page.until_says("#counts a[data-status=Enqueued]", "1")
            .await;
        page.enter("#filters [name=function]", "shop/idle").await;
        page.until_says("#list", "no scope 'read' for shop/idle")
            .await;
        page.press("Use another key").await;
        page.write("#key [name=id]", "producer").await;
        page.enter("#key [name=secret]", "producersecret").await;
        page.until_says("#key-why", "'producer' has no scope 'read'")
            .await;
        page.console_is_clean(true).await;
    })
    .await;
}
