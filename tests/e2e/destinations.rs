//! Where results go.

mod certificate;
mod chain;
mod gone;
mod hanging;
mod left;
mod many;
mod receiver;
mod refused;
mod route;

pub(crate) use receiver::{Mood, Receiver};

use crate::{client::Client, world::until};
use serde_json::Value;

/// The native path of an invocation in the service `default`.
fn native(function: &str, id: &str) -> String {
    format!("/ekiden/v1/services/default/functions/{function}/invocations/{id}")
}

/// The delivery of an invocation's result, as soon as `is_it` says so.
async fn until_delivery(
    client: &Client,
    (function, id): (&str, &str),
    is_it: impl Fn(&Value) -> bool,
) -> Value {
    let path = native(function, id) + "/deliveries";
    until("a delivery", async || {
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let delivery = answer.json()["deliveries"].get(0).cloned();
        delivery.filter(&is_it)
    })
    .await
}

/// The `[[function]]` entry `name` with these lines in its `[function.async]`.
fn function(name: &str, lines: &str) -> String {
    format!(
        "[[function]]\nservice = \"default\"\nname = \"{name}\"\ntarget = {{ http = \"@\" }}\n\
         [function.async]\nmax_retries = 0\n{lines}\n"
    )
}
