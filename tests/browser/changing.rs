//! What a person does: stop a task, run it again, send its result again.

use crate::{page::visit, server::Home};
use axum::{Router, http::StatusCode, routing::post};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_stopped_once_that_is_confirmed_and_runs_again() {
    let home = Home::new("");
    let server = home.serve(&[], "127.0.0.1:0").await;
    server.invoke("endless", "long-1", "on and on").await;
    server.until_status("endless", "long-1", "Running").await;
    let link = format!("{}/#function=shop/endless", server.endpoint);
    visit(&link, async |page| {
        page.follow("long-1").await;
        page.press("Stop").await;
        page.until_says("dialog[open]", "Stop long-1?").await;
        page.press("Keep it").await;
        page.until("!document.querySelector('dialog').open").await;
        assert_eq!(server.status("endless", "long-1").await, "Running");
        page.press("Stop").await;
        page.press("Stop it").await;
        page.until_says("#said", "Asked to stop long-1").await;
        page.until_says("#task .head", "Stopped").await;
        page.until_says("#list tbody tr", "Stopped").await;
        server.until_status("endless", "long-1", "Stopped").await;
        page.press("Run again").await;
        page.until_says("#said", "long-1 runs again as").await;
        page.until_says("#task .head", "Running").await;
        page.until_says("#task", "on and on").await;
        page.until_counts(2).await;
        page.console_is_clean(false).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_was_refused_is_sent_again() {
    let receiver = receiver().await;
    let home = Home::new(&format!(
        r#"
        [[function]]
        service = "shop"
        name = "told"
        target = {{ command = ["cat"] }}
        async = {{ on_success = "{receiver}" }}
        "#
    ));
    let server = home.serve(&[], "127.0.0.1:0").await;
    server.invoke("told", "parcel-1", "x").await;
    server.until_status("told", "parcel-1", "Succeeded").await;
    let link = format!("{}/#task=shop/told/parcel-1", server.endpoint);
    visit(&link, async |page| {
        page.until_says(".delivery", "Failed").await;
        page.until_says(".delivery", "HTTP 410").await;
        page.click(".delivery summary").await;
        page.until_says(".delivery pre", "no such <b>order</b>")
            .await;
        page.press("Send again").await;
        page.until_says("#said", "The result of parcel-1 is sent again")
            .await;
        page.until_says(".delivery", "Succeeded").await;
        page.console_is_clean(false).await;
    })
    .await;
}

/// A receiver of results that wants none at first.
async fn receiver() -> String {
    let asked = Arc::new(AtomicBool::new(false));
    let answer = async move || {
        if asked.swap(true, Ordering::Relaxed) {
            (StatusCode::OK, "thank you")
        } else {
            (StatusCode::GONE, "no such <b>order</b>")
        }
    };
    let routes = Router::new().route("/", post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
    url
}
