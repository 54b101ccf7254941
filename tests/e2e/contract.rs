//! The OpenAPI document, as a contract: what it says of an operation's answers, every answer is held to.

use crate::client::Answer;
use jsonschema::Validator;
use reqwest::Response;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};
use tokio::sync::OnceCell;

/// What is for those who run Ekiden, and no part of the API.
const OUTSIDE: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What the document says.
#[derive(Debug)]
pub(crate) struct Contract {
    document: Value,
    /// Made when first needed, by the schema.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The same for every process: they are one program.
static CONTRACT: OnceCell<Contract> = OnceCell::const_new();

impl Contract {
    /// What the server at `endpoint` says; `None` if it serves no API and nobody asked one that does.
    pub(crate) async fn of(http: &reqwest::Client, endpoint: &str) -> Option<&'static Self> {
        let ask = async || {
            let document = http.get(format!("{endpoint}/ekiden/v1/openapi.json"));
            let document = document.send().await.and_then(Response::error_for_status)?;
            Ok::<_, reqwest::Error>(Self {
                document: document.json().await?,
                validators: Mutex::default(),
            })
        };
        CONTRACT.get_or_try_init(ask).await.ok()
    }

    /// Every operation's name.
    pub(crate) fn operations(&self) -> BTreeSet<&str> {
        let paths = self.document["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap().values());
        operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect()
    }

    /// Checks that an answer is as its operation's description has it, and names the operation. One
    /// that is not described must not be there.
    pub(crate) fn check(&self, method: &str, target: &str, answer: &Answer) -> Option<&str> {
        let path = target.split('?').next().unwrap();
        let Some(operation) = self.operation(method, path) else {
            let is_answered = answer.status < 400 && !OUTSIDE.contains(&path);
            assert!(!is_answered, "{method} {path} is not described: {answer:?}");
            return None;
        };
        let name = operation["operationId"].as_str().unwrap();
        let response = &operation["responses"][answer.status.to_string()];
        assert!(
            !response.is_null(),
            "{name} is answered a status that is not described: {answer:?}"
        );
        let response = self.resolve(response);
        for header in response["headers"].as_object().into_iter().flatten() {
            self.check_header(name, header, answer);
        }
        match response["content"].as_object() {
            None => assert!(answer.body.is_empty(), "{name}: {answer:?}"),
            Some(content) => self.check_content(name, content, answer),
        }
        Some(name)
    }

    /// The operation of this path, whose most literal template it is.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let templates = self.document["paths"].as_object().unwrap().iter();
        let fitting = templates.filter(|(template, _)| fits(template, path));
        let (_, operations) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
        operations.get(method.to_ascii_lowercase())
    }

    fn resolve<'a>(&'a self, said: &'a Value) -> &'a Value {
        match said["$ref"].as_str() {
            Some(place) => self.document.pointer(&place[1..]).unwrap(),
            None => said,
        }
    }

    fn check_content(&self, name: &str, content: &Map<String, Value>, answer: &Answer) {
        let media = answer.header("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap();
        let said = content.get(media);
        let said = said.unwrap_or_else(|| panic!("{name} is answered as '{media}': {answer:?}"));
        if media == "application/json" {
            self.validate(name, &said["schema"], &answer.json());
        }
    }

    fn check_header(&self, operation: &str, (name, said): (&String, &Value), answer: &Answer) {
        let schema = &self.resolve(said)["schema"];
        if let Some(text) = answer.header(name) {
            let number = text.parse::<u64>().map(Value::from);
            let value = match schema["type"].as_str() {
                Some("integer") => number.unwrap(),
                _ => text.into(),
            };
            self.validate(operation, schema, &value);
        }
    }

    fn validate(&self, name: &str, schema: &Value, value: &Value) {
        let key = schema.to_string();
        let mut validators = self.validators.lock().unwrap();
        let validator = validators.entry(key).or_insert_with(|| {
            // References are to the whole document.
            let whole = json!({ "allOf": [schema], "components": self.document["components"] });
            Arc::new(jsonschema::draft202012::new(&whole).unwrap())
        });
        let validator = Arc::clone(validator);
        drop(validators);
        let problems: Vec<_> = validator
            .iter_errors(value)
            .map(|it| it.to_string())
            .collect();
        assert!(problems.is_empty(), "{name}: {problems:#?}\n{value:#}");
    }
}

fn fits(template: &str, path: &str) -> bool {
    let [template, path]: [Vec<&str>; 2] = [template, path].map(|it| it.split('/').collect());
    let is_it = |(said, is): (&&str, &&str)| said == is || said.starts_with('{') && !is.is_empty();
    template.len() == path.len() && template.iter().zip(&path).all(is_it)
}
