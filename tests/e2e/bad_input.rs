//! What no request can mean is refused: by name, in every SDK's words, and without a trace.

mod bodies;
mod connections;
mod hostile;
mod limits;
mod paths;
mod rows;
mod values;

use crate::{
    client::Answer,
    raw,
    server::Server,
    spelling::{SPELLINGS, V2023},
    world::World,
};

/// A request, and how it is to be refused.
struct Case {
    request: Vec<u8>,
    status: u16,
    code: &'static str,
    /// What the message must say: the parameter, the value, what is allowed.
    says: Vec<String>,
}

/// A request that is refused as an invalid argument.
fn invalid(request: Vec<u8>, says: &[&str]) -> Case {
    refused(request, (400, "InvalidArgument"), says)
}

fn refused(request: Vec<u8>, (status, code): (u16, &'static str), says: &[&str]) -> Case {
    let says = says.iter().map(|part| (*part).to_owned()).collect();
    Case {
        request,
        status,
        code,
        says,
    }
}

/// An asynchronous invocation's head, and an empty body.
fn invoke(target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let own = [("x-fc-invocation-type", "Async"), ("content-length", "0")];
    raw::with_headers("POST", target, &[&own, headers].concat())
}

/// Every case is refused as it should be, and nothing is left of any.
async fn all_refused(world: &World, server: &Server, cases: Vec<Case>) {
    for case in cases {
        is_refused(server, case).await;
    }
    nothing_was_kept(world, server).await;
}

async fn is_refused(server: &Server, case: Case) {
    let head = String::from_utf8_lossy(&case.request[..case.request.len().min(300)]).into_owned();
    let answer = raw::exchange(server.address, &case.request).await;
    answer.check();
    assert_eq!(answer.status, case.status, "{head}{answer:?}");
    let (code, message) = answer.problem();
    assert_eq!(code, case.code, "{head}{message}");
    for part in case.says {
        assert!(
            message.contains(&part),
            "{head}'{message}' does not say '{part}'"
        );
    }
}

async fn nothing_was_kept(world: &World, server: &Server) {
    for function in ["f", "untracked", "patient"] {
        for spelling in SPELLINGS {
            assert!(spelling.ids(&server.client, function, "").await.is_empty());
        }
    }
    // What would have been dispatched before this has been called before this.
    let last = server.client.post(&V2023.invoke("f"), &[], "last").await;
    crate::world::until_status(&server.client, last.request_id(), "Succeeded").await;
    assert_eq!(world.functions.calls().len(), 1);
}

/// Sends it, and checks the envelope where it is an error.
async fn answered(server: &Server, request: &[u8]) -> Answer {
    let answer = raw::exchange(server.address, request).await;
    answer.check();
    answer
}
