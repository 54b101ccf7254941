//! The API as a client sees it.

use crate::clock::SystemClock;
use anyhow::{Context, bail};
use bytes::Bytes;
use ekiden_domain::{Clock, FunctionName, Secret};
use ekiden_wire::{native::PREFIX, signature::sign_acs3};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client of the API.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    endpoint: reqwest::Url,
    key: Option<Key>,
}

/// The access key to sign with.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: Secret,
}

/// Names one invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) function: &'a FunctionName,
    pub(crate) id: &'a str,
}

/// What a producer asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewInvocation {
    pub(crate) payload: Vec<u8>,
    pub(crate) qualifier: Option<String>,
    pub(crate) id: Option<String>,
    /// In seconds, as the API checks it.
    pub(crate) delay: Option<String>,
}

/// An invocation as the API's records tell of it; what is left out is in the JSON only.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) invocation_id: String,
    pub(crate) request_id: String,
    pub(crate) service_name: String,
    pub(crate) function_name: String,
    pub(crate) qualifier: String,
    pub(crate) status: ekiden_domain::Status,
    pub(crate) started_time: i64,
    pub(crate) end_time: i64,
    pub(crate) duration_ms: u64,
    pub(crate) already_retried_times: u32,
    pub(crate) instance_id: String,
    pub(crate) invocation_error_message: String,
    pub(crate) invocation_payload: Option<String>,
    pub(crate) payload_encoding: Option<String>,
    pub(crate) return_payload: Option<String>,
    pub(crate) return_payload_encoding: Option<String>,
    pub(crate) events: Vec<Event>,
    #[serde(default)]
    pub(crate) attempts: Vec<Attempt>,
    #[serde(default)]
    pub(crate) deliveries: Vec<Delivery>,
}

/// One of an invocation's attempts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    pub(crate) number: u32,
    pub(crate) duration_ms: u64,
    pub(crate) error_type: String,
    pub(crate) error_message: String,
    pub(crate) log: String,
}

/// Where an invocation's result went, or is to go.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    pub(crate) destination: String,
    pub(crate) status: String,
    pub(crate) attempts: u32,
    pub(crate) answer: Option<Answer>,
}

/// What the last try to deliver came to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) error: String,
}

/// One of a record's events.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub(crate) timestamp: i64,
    pub(crate) status: ekiden_domain::Status,
    pub(crate) event_detail: String,
}

/// An endpoint as it may be shown: without a user and a password.
fn shown(endpoint: &reqwest::Url) -> reqwest::Url {
    let mut url = endpoint.clone();
    // A URL that can have neither has neither.
    let _ = (url.set_username(""), url.set_password(None));
    url
}

/// An accepted invocation.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) request_id: String,
    pub(crate) invocation_id: String,
}

impl Client {
    /// A client of the API at `endpoint`, which signs with `key`.
    pub(crate) fn new(endpoint: &str, key: Option<Key>) -> anyhow::Result<Self> {
        let endpoint: reqwest::Url = endpoint
            .parse()
            .context("the endpoint is no URL such as http://127.0.0.1:7070")?;
        if !matches!(endpoint.scheme(), "http" | "https") {
            let endpoint = shown(&endpoint);
            bail!("the endpoint '{endpoint}' must begin with http:// or https://");
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            http,
            endpoint,
            key,
        })
    }

    /// Enqueues an invocation.
    pub(crate) async fn invoke(
        &self,
        function: &FunctionName,
        new: NewInvocation,
    ) -> anyhow::Result<Accepted> {
        let mut url = self.url(function, &["invocations"])?;
        if let Some(qualifier) = &new.qualifier {
            url.query_pairs_mut().append_pair("qualifier", qualifier);
        }
        let mut request = self.http.post(url).body(new.payload);
        request = request.header("x-fc-invocation-type", "Async");
        // What was given by hand is a task that its giver wants to see, whatever the function says.
        request = request.header("x-fc-stateful-async-invocation-enable", "true");
        if let Some(id) = new.id {
            request = request.header("x-fc-stateful-async-invocation-id", id);
        }
        if let Some(delay) = new.delay {
            request = request.header("x-fc-async-delay", delay);
        }
        let response = self.send(request).await?;
        accepted(&response)
    }

    /// One invocation, as JSON.
    pub(crate) async fn get(&self, invocation: Invocation<'_>) -> anyhow::Result<Value> {
        let url = self.invocation_url(invocation)?;
        Ok(self.send(self.http.get(url)).await?.json().await?)
    }

    /// One page of a list, as JSON.
    pub(crate) async fn list(
        &self,
        function: &FunctionName,
        query: &[(&str, String)],
    ) -> anyhow::Result<Value> {
        let mut url = self.url(function, &["stateful-async-invocations"])?;
        url.query_pairs_mut().extend_pairs(query);
        Ok(self.send(self.http.get(url)).await?.json().await?)
    }

    /// Stops one invocation.
    pub(crate) async fn stop(&self, invocation: Invocation<'_>) -> anyhow::Result<()> {
        let url = self.invocation_url(invocation)?;
        self.send(self.http.request(Method::PUT, url)).await?;
        Ok(())
    }

    /// One invocation, with its attempts and deliveries.
    pub(crate) async fn whole(&self, invocation: Invocation<'_>) -> anyhow::Result<Value> {
        let url = self.native_url(invocation, &[])?;
        Ok(self.send(self.http.get(url)).await?.json().await?)
    }

    /// What an invocation gave.
    pub(crate) async fn result(&self, invocation: Invocation<'_>) -> anyhow::Result<Bytes> {
        let url = self.native_url(invocation, &["result"])?;
        Ok(self.send(self.http.get(url)).await?.bytes().await?)
    }

    /// Enqueues an invocation's payload once more.
    pub(crate) async fn rerun(&self, invocation: Invocation<'_>) -> anyhow::Result<Accepted> {
        let url = self.native_url(invocation, &["rerun"])?;
        accepted(&self.send(self.http.post(url)).await?)
    }

    fn native_url(
        &self,
        invocation: Invocation<'_>,
        rest: &[&str],
    ) -> anyhow::Result<reqwest::Url> {
        let Invocation { function, id } = invocation;
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("the endpoint '{}' has no path", shown(&self.endpoint)))?
            .pop_if_empty()
            .extend(PREFIX.split('/').skip(1))
            .extend(["services", function.service()])
            .extend(["functions", function.function()])
            .extend(["invocations", id])
            .extend(rest);
        Ok(url)
    }

    fn invocation_url(&self, invocation: Invocation<'_>) -> anyhow::Result<reqwest::Url> {
        let Invocation { function, id } = invocation;
        self.url(function, &["stateful-async-invocations", id])
    }

    fn url(&self, function: &FunctionName, rest: &[&str]) -> anyhow::Result<reqwest::Url> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("the endpoint '{}' has no path", shown(&self.endpoint)))?
            .pop_if_empty()
            .extend(["services", function.service()])
            .extend(["functions", function.function()])
            .extend(rest);
        Ok(url)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
        let mut request = request.build()?;
        if let Some(key) = &self.key {
            sign(&mut request, key)?;
        }
        let response = self.http.execute(request).await;
        let response =
            response.with_context(|| format!("{} does not answer", shown(&self.endpoint)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response.status(), &response.bytes().await?))
    }
}

fn sign(request: &mut reqwest::Request, key: &Key) -> anyhow::Result<()> {
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let sha256: [u8; 32] = Sha256::digest(body.unwrap_or_default()).into();
    let mut signed = http::Request::builder()
        .method(request.method())
        .uri(request.url().as_str())
        .body(())?;
    *signed.headers_mut() = request.headers().clone();
    let (mut parts, ()) = signed.into_parts();
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let (id, secret) = (&key.id, key.secret.expose());
    sign_acs3(&mut parts, id, secret, &sha256, &nonce, SystemClock.now())?;
    *request.headers_mut() = parts.headers;
    Ok(())
}

/// How an accepted invocation is called.
fn accepted(response: &reqwest::Response) -> anyhow::Result<Accepted> {
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let request_id = header("x-fc-request-id").context("the answer has no request id")?;
    let invocation_id = header("x-fc-invocation-id").unwrap_or_else(|| request_id.clone());
    Ok(Accepted {
        request_id,
        invocation_id,
    })
}

/// What the API's error envelope says.
fn refusal(status: StatusCode, body: &[u8]) -> anyhow::Error {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    match (text("Code"), text("Message"), text("RequestId")) {
        (Some(code), Some(message), Some(id)) => {
            // As FC's messages do, some begin with their code.
            let said = message.strip_prefix(code);
            let message = said.and_then(|it| it.strip_prefix(": ")).unwrap_or(message);
            anyhow::anyhow!("{code}: {message} (request id {id})")
        }
        _ => anyhow::anyhow!("the endpoint answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_endpoint_is_not_shown() {
        for endpoint in ["ftp://me:secret@host", "http://me:secret@host:port"] {
            let refused = Client::new(endpoint, None).err();
            let said = format!("{:#}", refused.expect("it is no endpoint"));
            assert!(!said.contains("secret"), "{said}");
        }
        let endpoint = "http://me:secret@host/base".parse().expect("a URL");
        assert_eq!(shown(&endpoint).as_str(), "http://host/base");
    }

    #[test]
    fn a_code_is_said_once() {
        for message in ["AccessDenied: no such key", "no such key"] {
            let body =
                format!(r#"{{"Code": "AccessDenied", "Message": "{message}", "RequestId": "1"}}"#);
            let said = refusal(StatusCode::FORBIDDEN, body.as_bytes()).to_string();
            assert_eq!(said, "AccessDenied: no such key (request id 1)");
        }
    }
}
