//! What a person sees when a process is away, or does less than the page can show.

use crate::{
    page::visit,
    server::{Home, variable},
};
use sqlx::{Connection, Executor, PgConnection};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_told_and_waited_for() {
    let home = Home::new("");
    let server = home.serve(&[], "127.0.0.1:0").await;
    server.invoke_later("echo", "waits").await;
    let address = server.address().to_owned();
    let link = server.endpoint.clone();
    visit(&link, async |page| {
        page.until_lists(&["waits"]).await;
        server.kill().await;
        page.until_says("#trouble", "Ekiden does not answer").await;
        page.until_lists(&["waits"]).await;
        let server = home.serve(&[], &address).await;
        server.invoke_later("echo", "more").await;
        page.until_lists(&["more", "waits"]).await;
        page.until("document.querySelector('#trouble').hidden")
            .await;
        page.console_is_clean(true).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_lists_shows_what_it_can() {
    let name = format!("browser_{}", uuid::Uuid::new_v4().simple());
    let databases = variable("EKIDEN_TEST_DATABASE_URL");
    run_sql(&databases, &format!("CREATE DATABASE {name}")).await;
    let database = format!("{}/{name}", databases.rsplit_once('/').unwrap().0);
    let home = Home::new("").with(vec![
        ("DATABASE_URL", database),
        ("AMQP_URL", variable("EKIDEN_TEST_AMQP_URL")),
        ("EKIDEN__BROKER__PREFIX", name[..24].to_owned()),
    ]);
    let other = home.serve(&["enqueue"], "127.0.0.1:0").await;
    let lists = home.serve(&["list"], "127.0.0.1:0").await;
    other.invoke_later("echo", "waits").await;
    other.invoke_later("echo", "waits-more").await;
    visit(&lists.endpoint, async |page| {
        page.until_lists(&["waits-more", "waits"]).await;
        page.follow("waits").await;
        page.until_says("#task .notice", "This address only lists")
            .await;
        page.until_says("#task h2", "waits").await;
        page.until_says("#task pre[aria-label=payload]", "later")
            .await;
        page.until("!document.querySelector('#task [data-do=stop]')")
            .await;
        page.console_is_clean(true).await;
    })
    .await;
    drop((other, lists));
    run_sql(&databases, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

async fn run_sql(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}
