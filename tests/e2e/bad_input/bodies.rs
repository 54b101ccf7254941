//! What management cannot mean: refused by name, and nothing of it is kept.

mod operations;
mod values;

use super::{Case, invalid, is_refused, nothing_was_kept, refused};
use crate::{
    raw,
    server::Server,
    shop::Shop,
    spelling::{UNVERSIONED, V2023},
    world::{Plan, World},
};
use operations::{Type, operations};
use serde_json::{Map, Value, json};

both_stacks! {
    fields_of_a_wrong_type_are_refused_by_name,
    values_that_are_not_allowed_are_refused_by_name,
    bodies_that_are_no_objects_are_refused,
    a_body_that_nests_too_deep_is_refused_and_harms_nothing,
    what_is_null_is_as_if_left_out,
    a_path_cannot_leave_its_place,
}

/// A value of each type.
const SAMPLES: [(Type, &str); 5] = [
    (Type::Text, r#""text""#),
    (Type::Number, "1"),
    (Type::Flag, "true"),
    (Type::Object, r#"{"a":"b"}"#),
    (Type::List, "[1]"),
];

/// Fields whose text has a longest, in bytes.
const LONGEST: [(&str, usize); 6] = [
    ("serviceName", 128),
    ("functionName", 64),
    ("aliasName", 128),
    ("description", 1024),
    ("reason", 1024),
    ("runtime", 64),
];

/// Every case is refused as it should be, and nothing has changed.
async fn all_refused_by(world: &World, server: &Server, cases: impl Fn(&Shop<'_>) -> Vec<Case>) {
    for spelling in [UNVERSIONED, V2023] {
        let shop = Shop::open(world, &server.client, spelling).await;
        let before = shop.everything().await;
        for case in cases(&shop) {
            is_refused(server, case).await;
        }
        assert_eq!(shop.everything().await, before);
    }
    nothing_was_kept(world, server).await;
}

async fn fields_of_a_wrong_type_are_refused_by_name(world: &World) {
    let server = world.serve(Plan::default()).await;
    let cases = |shop: &Shop<'_>| {
        let mut cases = Vec::new();
        for operation in operations(shop) {
            for (field, wanted) in operation.fields {
                for (_, value) in SAMPLES.iter().filter(|(is, _)| is != wanted) {
                    let says = [&format!("{field} is "), "but it must be "];
                    cases.push(invalid(operation.with(field, value), &says));
                }
            }
        }
        cases
    };
    all_refused_by(world, &server, cases).await;
}

async fn values_that_are_not_allowed_are_refused_by_name(world: &World) {
    let server = world.serve(Plan::default()).await;
    let cases = |shop: &Shop<'_>| {
        let mut cases = Vec::new();
        for operation in operations(shop) {
            for line in operation.values.trim().lines() {
                let [field, value, says] = line.split(" | ").collect::<Vec<_>>()[..] else {
                    panic!("{line}");
                };
                cases.push(invalid(operation.with(field, value), &[says]));
            }
            for (field, most) in LONGEST.iter().filter(|(field, _)| operation.has(field)) {
                let says = [&format!("{field} 'xxx"), "…'"];
                let request = operation.with(field, &text(most + 1));
                cases.push(invalid(request, &says[..1]));
                // It is not said back whole.
                cases.push(invalid(operation.with(field, &text(10_000)), &says));
            }
            // More than a process would hold of it.
            if operation.has("role") {
                let request = operation.with("role", &text(70_000));
                cases.push(refused(request, (400, "EntityTooLarge"), &["65536 bytes"]));
            }
            // One version of two is not there, and nothing is written.
            if operation.has("additionalVersionWeight") {
                let weights = r#"{"LATEST":0.1,"9":0.1}"#;
                let request = operation.with("additionalVersionWeight", weights);
                cases.push(refused(request, (404, "VersionNotFound"), &["version '9'"]));
            }
        }
        cases
    };
    all_refused_by(world, &server, cases).await;
}

/// A text of so many letters, as JSON.
fn text(length: usize) -> String {
    json!("x".repeat(length)).to_string()
}

async fn bodies_that_are_no_objects_are_refused(world: &World) {
    let server = world.serve(Plan::default()).await;
    let bodies: [(&[u8], &str); 9] = [
        (b"null", "it is null"),
        (b"[]", "it is a list"),
        (b"\"x\"", "it is a string"),
        (b"{", "not JSON"),
        (b"{}{}", "not JSON"),
        (b"{\"a\":1,}", "not JSON"),
        (b"{\"a\":\"\xff\"}", "not JSON"),
        (b"{\"a\":\"\\ud800\"}", "not JSON"),
        (b"PK\x03\x04", "not JSON"),
    ];
    let cases = |shop: &Shop<'_>| {
        let mut cases = Vec::new();
        for operation in operations(shop) {
            for (body, says) in bodies {
                let says = ["the body must be a JSON object", says];
                cases.push(invalid(operation.request(body), &says));
            }
            for field in operation.least.as_object().unwrap().keys() {
                let says = format!("{field} is required");
                cases.push(invalid(operation.with(field, "null"), &[&says]));
            }
        }
        cases
    };
    all_refused_by(world, &server, cases).await;
}

async fn a_body_that_nests_too_deep_is_refused_and_harms_nothing(world: &World) {
    let server = world.serve(Plan::default()).await;
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let cases = |shop: &Shop<'_>| {
        let mut cases = Vec::new();
        for operation in operations(shop) {
            // What a JSON reader takes by itself, and what it does not.
            for depth in [32, 125, 126, 127, 100_000] {
                let request = operation.with("logConfig", &nested(depth));
                cases.push(invalid(request, &["the body must be a JSON object"]));
            }
        }
        cases
    };
    all_refused_by(world, &server, cases).await;
    // The deepest that is kept comes back, also from a process that starts.
    let deepest: Value = serde_json::from_str(&nested(31)).unwrap();
    let path = V2023.function("sold");
    let body = json!({ "logConfig": deepest });
    assert_eq!(server.client.manage("PUT", &path, &body).await.status, 200);
    drop(server);
    let server = world.serve(Plan::default()).await;
    assert_eq!(server.client.get(&path).await.json()["logConfig"], deepest);
}

async fn what_is_null_is_as_if_left_out(world: &World) {
    let server = world.serve(Plan::default()).await;
    for spelling in [UNVERSIONED, V2023] {
        let shop = Shop::open(world, &server.client, spelling).await;
        let given = json!({ "description": "kept", "logConfig": { "project": "p" } });
        shop.done("PUT", &shop.function(), given).await;
        for operation in operations(&shop) {
            let nulls = |(name, _): &(&str, Type)| ((*name).to_owned(), Value::Null);
            let mut body: Map<String, Value> = operation.fields.iter().map(nulls).collect();
            body.extend(operation.least.as_object().unwrap().clone());
            let shown = if operation.method == "PUT" {
                Some(told(&shop, &operation.path).await)
            } else {
                None
            };
            shop.done(operation.method, &operation.path, body.into())
                .await;
            if let Some(shown) = shown.filter(|shown| shown.is_object()) {
                assert_eq!(told(&shop, &operation.path).await, shown);
            }
        }
    }
}

/// What is told of it but the time of its last change; null where there is nothing.
async fn told(shop: &Shop<'_>, path: &str) -> Value {
    let answer = shop.client.get(path).await;
    if answer.status == 404 {
        return Value::Null;
    }
    let mut told = answer.json();
    told.as_object_mut().unwrap().remove("lastModifiedTime");
    told
}

async fn a_path_cannot_leave_its_place(world: &World) {
    let server = world.serve(Plan::default()).await;
    let names = [
        "..",
        "%2e%2e",
        "%252e%252e",
        "..%2fsold",
        "%2573old",
        "sold%00",
        "%c0%ae",
    ];
    let cases = |shop: &Shop<'_>| {
        let mut cases = Vec::new();
        for name in names {
            for method in ["GET", "PUT", "DELETE"] {
                for all in [shop.functions(), shop.aliases()] {
                    let request = raw::bare(method, &format!("{all}/{name}"));
                    cases.push(invalid(request, &["is not allowed: it must be"]));
                }
            }
            let version = raw::bare("DELETE", &format!("{}/{name}", shop.versions()));
            cases.push(invalid(version, &["is not allowed: it must be"]));
        }
        for path in ["/../sold", "/sold/../sold", "//sold", "/sold/"] {
            let path = format!("{}{path}", shop.functions());
            let request = raw::bare("DELETE", &path);
            cases.push(refused(request, (400, "PathNotSupported"), &[&path]));
        }
        cases
    };
    all_refused_by(world, &server, cases).await;
}
