use super::*;
use crate::Problem;
use axum::{
    body::Body,
    extract::{FromRequestParts, State},
    response::NoContent,
};
use http::{Request, request::Parts};
use serde_json::{Value, json};
use std::{collections::BTreeSet, convert::Infallible};
use tower::ServiceExt;

/// An argument that reads a parameter and part of the path.
struct Word;

impl<S: Send + Sync> FromRequestParts<S> for Word {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl Describe for Word {
    fn describe(operation: &mut Operation) {
        operation.path("function", schema::word(64), "A function.");
        operation.path("service", schema::word(64), "A service.");
        operation.query("word", schema::text(), "A word.");
    }
}

async fn read(_: State<()>, _: Word) -> Result<NoContent, Problem> {
    Ok(NoContent)
}

fn api() -> Api<()> {
    let both = Spelling {
        fc2: Some("/services/{service}/functions/{function}"),
        fc3: Some("/functions/{function}"),
    };
    let read = |name| Endpoint::get(name, "Reads.", read);
    Api::default()
        .at(
            both,
            [read("Read"), Endpoint::put("Write", "Writes.", self::read)],
        )
        .native("/words", [read("Words").refuses(StatusCode::CONFLICT)])
}

async fn told() -> Value {
    let (_, part) = api().into_parts();
    let document = Document::new("1.2.3", [part]);
    let answer = axum::response::IntoResponse::into_response(document);
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

#[tokio::test]
async fn each_spelling_is_served_and_described() {
    let (routes, _) = api().into_parts();
    let status = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        routes.clone().oneshot(request).await.unwrap().status()
    };
    let told = told().await;
    let paths: Vec<_> = told["paths"].as_object().unwrap().iter().collect();
    let names: Vec<_> = paths.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        names,
        [
            "/2016-08-15/services/{service}/functions/{function}",
            "/2021-04-06/services/{service}/functions/{function}",
            "/2023-03-30/functions/{function}",
            "/ekiden/v1/words",
            "/services/{service}/functions/{function}",
        ]
    );
    let tags = told["tags"].as_array().unwrap().iter();
    let tags: BTreeSet<_> = tags.map(|tag| tag["name"].as_str()).collect();
    let used = paths.iter().map(|(_, it)| it["get"]["tags"][0].as_str());
    assert_eq!(tags, used.collect());
    for (path, operations) in paths {
        for method in operations.as_object().unwrap().keys() {
            let status = status(&method.to_uppercase(), path).await;
            assert_eq!(status, StatusCode::NO_CONTENT, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn an_operation_is_what_its_handler_s_types_say() {
    let told = told().await;
    let operation = &told["paths"]["/2023-03-30/functions/{function}"]["get"];
    assert_eq!(operation["operationId"], "fc2023Read");
    assert_eq!(operation["tags"], json!(["fc2023"]));
    // The path has no service in FC 3.0.
    assert_eq!(
        operation["parameters"],
        json!([
            {
                "name": "function", "in": "path", "required": true, "description": "A function.",
                "schema": { "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$" },
            },
            {
                "name": "word", "in": "query", "required": false, "description": "A word.",
                "schema": { "type": "string" },
            },
        ])
    );
    let statuses = |operation: &Value| -> Vec<String> {
        let responses = operation["responses"].as_object().unwrap();
        responses.keys().cloned().collect()
    };
    assert_eq!(statuses(operation), ["204", "400", "408", "500", "503"]);
    let native = &told["paths"]["/ekiden/v1/words"]["get"];
    assert_eq!(native["operationId"], "ekidenWords");
    assert!(statuses(native).contains(&"409".to_owned()));
}
