//! An HTTP client that holds every answer to what holds for all of them.

use crate::contract::Contract;
use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use std::time::Duration;

/// A client of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) endpoint: String,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What makes an invocation asynchronous.
pub(crate) const ASYNC: (&str, &str) = ("x-fc-invocation-type", "Async");

impl Client {
    pub(crate) fn new(endpoint: String) -> Self {
        // The first test of the process installs it.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self { http, endpoint }
    }

    /// What the server says of its answers.
    pub(crate) async fn contract(&self) -> Option<&'static Contract> {
        Contract::of(&self.http, &self.endpoint).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    pub(crate) async fn put(&self, path: &str) -> Answer {
        self.send(Method::PUT, path, &[], Bytes::new()).await
    }

    /// Invokes asynchronously, with further headers.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        payload: impl Into<Bytes>,
    ) -> Answer {
        let headers = [&[ASYNC], headers].concat();
        self.send(Method::POST, path, &headers, payload.into())
            .await
    }

    /// Invokes and waits for the result, as FC does where nothing else is said.
    pub(crate) async fn call(&self, path: &str, payload: impl Into<Bytes>) -> Answer {
        self.send(Method::POST, path, &[], payload.into()).await
    }

    /// Manages: sends JSON, or nothing where it is null.
    pub(crate) async fn manage(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        };
        self.send(method.parse().unwrap(), path, &[], body).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        let sent = self.try_send(method, path, headers, body).await;
        sent.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// As [`post`](Self::post), where the server may be gone.
    pub(crate) async fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        payload: Bytes,
    ) -> reqwest::Result<Answer> {
        let headers = [&[ASYNC], headers].concat();
        self.try_send(Method::POST, path, &headers, payload).await
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> reqwest::Result<Answer> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.endpoint))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        };
        answer.check();
        if let Some(contract) = self.contract().await {
            contract.check(method.as_str(), path, &answer);
        }
        Ok(answer)
    }
}

impl Answer {
    /// The request id, which every answer has.
    pub(crate) fn request_id(&self) -> &str {
        self.header("x-fc-request-id").unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The error's code and message.
    pub(crate) fn problem(&self) -> (String, String) {
        let body = self.json();
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        (text("Code"), text("Message"))
    }

    /// What holds for every answer: a request id, and for an error the envelope that all SDKs read.
    pub(crate) fn check(&self) {
        let id = self.request_id();
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{self:?}");
        // Health is for machines, and says more than an error.
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if self.status < 400 || body["status"] == "not ready" {
            return;
        }
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        assert_eq!(body["RequestId"], id, "{self:?}");
        for (one, other) in [("Code", "ErrorCode"), ("Message", "ErrorMessage")] {
            assert!(
                body[one].as_str().is_some_and(|text| !text.is_empty()),
                "{self:?}"
            );
            assert_eq!(body[one], body[other], "{self:?}");
        }
    }
}
