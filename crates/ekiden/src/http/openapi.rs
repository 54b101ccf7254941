//! `/ekiden/v1/openapi.json`: what the API is, whichever part of it this process serves.

use axum::{Router, extract::State};
use ekiden_enqueue::Enqueue;
use ekiden_list::List;
use ekiden_wire::openapi::{Api, Document, Endpoint};

/// Its route, which answers whether or not the process is ready.
pub(crate) fn router() -> Router {
    let show = Endpoint::get("GetOpenApi", "Shows this document.", show);
    let (router, own) = Api::default().native("/openapi.json", [show]).into_parts();
    let (_, enqueue) = Enqueue::api().into_parts();
    let (_, list) = List::api().into_parts();
    let document = Document::new(env!("CARGO_PKG_VERSION"), [own, enqueue, list]);
    router.with_state(document)
}

async fn show(State(document): State<Document>) -> Document {
    document
}
