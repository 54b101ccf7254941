//! The function of all stories, as an author writes it: an HTTP server that speaks the custom-runtime
//! contract, and does what the payload says.

use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::net::TcpListener;

/// Serves until the runtime ends, and tells where: below a label, which its answers begin with.
pub(crate) async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/{label}/invoke", post(invoke));
    tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
    url
}

async fn invoke(Path(label): Path<String>, payload: Bytes) -> Response {
    match payload.as_ref() {
        b"fail" => {
            let body = r#"{"errorMessage":"as it was told","errorType":"Told"}"#;
            (StatusCode::NOT_FOUND, [("x-fc-status", "404")], body).into_response()
        }
        // Until its caller goes away.
        b"hang" => std::future::pending().await,
        _ => [label.as_bytes(), b" ", &payload].concat().into_response(),
    }
}
