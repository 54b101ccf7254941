//! What went wrong with a call, in the words of whoever knows.

use super::read;
use crate::Execution;
use bytes::Bytes;
use ekiden_domain::Fault;
use ekiden_reach::{Unsent, innermost, is_out_of_reach, sources};
use http::StatusCode;
use reqwest::Response;

/// How much of the answer is read, in bytes, to learn what error the function reports.
const MOST_OF_AN_ERROR: usize = 64 * 1024;

/// The function error that a response tells: in the words of its body, if that is FC's JSON, or else by
/// its status and what its body says.
pub(super) async fn reported(mut response: Response, handled: bool) -> Execution {
    let status = response.status();
    let fc_status = response.headers().get("x-fc-status").cloned();
    let body = read(&mut response, MOST_OF_AN_ERROR).await;
    let body = body.unwrap_or_default();
    let words = words(&body);
    let said = plain(&body);
    let output = if words.is_some() { body } else { Bytes::new() };
    let handled = handled || (status.is_client_error() && words.is_some());
    let message = words.unwrap_or_else(|| {
        let status = match fc_status {
            Some(fc_status) => {
                let fc_status = String::from_utf8_lossy(fc_status.as_bytes());
                format!("x-fc-status {fc_status}, {}", text(status))
            }
            None => text(status),
        };
        match said {
            Some(said) => format!("{status}: {said}"),
            None => status,
        }
    });
    let error = if handled {
        "HandledInvocationError"
    } else {
        "UnhandledInvocationError"
    };
    let fault = Fault::function(error, &message).with_http_status(status.as_u16());
    Execution {
        output,
        ..Execution::failed(fault)
    }
}

fn words(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let message = body["errorMessage"].as_str()?;
    Some(match body["errorType"].as_str() {
        Some(kind) if !kind.is_empty() => format!("{kind}: {message}"),
        _ => message.to_owned(),
    })
}

/// What a body says that is text; a [`Fault`] keeps as much of it as a message may have.
fn plain(body: &[u8]) -> Option<String> {
    let said = std::str::from_utf8(body).ok()?.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

pub(super) fn text(status: StatusCode) -> String {
    format!("HTTP status {status}")
}

pub(super) fn unanswered(error: &reqwest::Error) -> Fault {
    let cause = innermost(error);
    if is_out_of_reach(error) {
        return forbidden(&cause);
    }
    if error.is_builder() || error.is_connect() || was_not_sent(error) {
        return unreachable("the target cannot be reached", &cause);
    }
    let message = format!("the connection was lost before the target answered: {cause}");
    Fault::function("UnhandledInvocationError", &message)
}

/// Whether hyper gave the request back unsent.
fn was_not_sent(error: &reqwest::Error) -> bool {
    sources(error)
        .filter_map(|source| source.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_canceled)
}

pub(super) fn unsent(why: &Unsent) -> Fault {
    match why {
        Unsent::OutOfReach(why) => forbidden(&why.to_string()),
        Unsent::NoClient(_) => Fault::system("TargetUnreachable", &why.to_string()),
    }
}

/// It is for the function to have another target, or for the owner to allow this one: nothing that
/// passes, as what the platform lacks does.
fn forbidden(why: &str) -> Fault {
    Fault::function("TargetForbidden", &format!("the target {why}"))
}

pub(super) fn unreachable(what: &str, cause: &str) -> Fault {
    Fault::system("TargetUnreachable", &format!("{what}: {cause}"))
}
