//! Webhooks, signed by the Standard Webhooks scheme.

use super::Tried;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ekiden_domain::{
    Invalid, Timestamp, TraceContext,
    delivery::{MAX_ANSWER, Verdict},
};
use ekiden_reach::{Allowed, Client, Reach, Unsent, innermost, is_out_of_reach};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{
    Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT},
};
use sha2::Sha256;
use std::{fmt, str::FromStr, sync::Arc, time::Duration};

/// What a secret's text begins with.
const PREFIX: &str = "whsec_";

/// A key that webhooks are signed with. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

impl FromStr for WebhookSecret {
    type Err = Invalid;

    /// Standard Webhooks: `whsec_` and the Base64 of 24 to 64 bytes.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let key = text
            .strip_prefix(PREFIX)
            .and_then(|text| STANDARD.decode(text).ok());
        let key = key.filter(|key| (24..=64).contains(&key.len()));
        // The value is a secret even if it is no good one.
        let allowed = "'whsec_' and the Base64 of 24 to 64 bytes";
        key.map(Self)
            .ok_or_else(|| Invalid::new("webhooks.secrets", "(hidden)", allowed))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl WebhookSecret {
    /// The signature of a message: `v1,` and Base64.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!(
            "v1,{}",
            STANDARD.encode(mac.finalize().into_bytes())
        ))
    }
}

/// How webhooks are sent.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// Every one signs, so that a receiver may know any of them: two while one is replaced. Without
    /// any, webhooks carry no signature.
    pub secrets: Vec<WebhookSecret>,
    /// How long a receiver has to answer; 15 s by default.
    pub timeout: Duration,
    /// What is local and may be reached, by the setting `webhooks.allow`; nothing by default.
    pub allow: Vec<Allowed>,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            timeout: Duration::from_secs(15),
            allow: Vec::new(),
        }
    }
}

/// Sends webhooks.
#[derive(Clone, Debug)]
pub(super) struct Webhooks {
    config: Arc<WebhookConfig>,
    client: Client,
}

impl Webhooks {
    pub(super) fn new(config: WebhookConfig) -> Self {
        let allow = config.allow.iter().cloned();
        let reach = Reach::beyond_this_machine("webhooks.allow", allow);
        Self {
            client: Client::new(reach, config.timeout),
            config: Arc::new(config),
        }
    }

    pub(super) async fn post(
        &self,
        url: &Url,
        id: &str,
        body: Bytes,
        trace: Option<&TraceContext>,
        now: Timestamp,
    ) -> Tried {
        let request = match self.client.post(url.clone()) {
            Ok(request) => request,
            Err(Unsent::OutOfReach(why)) => return Tried::failed(Verdict::Never, why.to_string()),
            Err(why) => return Tried::failed(Verdict::Again, why.to_string()),
        };
        let request = request
            .timeout(self.config.timeout)
            .headers(self.headers(id, now, &body))
            .body(body);
        let fields = trace.into_iter().flat_map(TraceContext::fields);
        let request = fields.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        match request.send().await {
            Ok(response) => judge(response).await,
            Err(error) => {
                let verdict = if is_out_of_reach(&error) {
                    Verdict::Never
                } else {
                    Verdict::Again
                };
                Tried::failed(verdict, innermost(&error))
            }
        }
    }

    fn headers(&self, id: &str, now: Timestamp, body: &[u8]) -> HeaderMap {
        let seconds = now.as_millis().div_euclid(1000);
        let secrets = self.config.secrets.iter();
        let signatures: Vec<_> = secrets
            .filter_map(|it| it.sign(id, seconds, body))
            .collect();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let agent = concat!("ekiden/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert("webhook-timestamp", seconds.into());
        for (name, value) in [
            ("webhook-id", id),
            ("webhook-signature", &signatures.join(" ")),
        ] {
            if let Ok(value) = HeaderValue::from_str(value)
                && !value.is_empty()
            {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// Standard Webhooks: 2xx is delivered, 410 says that the endpoint is to be disabled.
async fn judge(mut response: Response) -> Tried {
    let status = response.status();
    let body = beginning(&mut response).await;
    let (verdict, error) = match status {
        status if status.is_success() => (Verdict::Delivered, String::new()),
        StatusCode::GONE => (
            Verdict::Gone,
            "the receiver answered 410: it wants no more of these".to_owned(),
        ),
        status if status.is_redirection() => (
            Verdict::Again,
            format!("the receiver answered {status}: redirects are not followed"),
        ),
        status => (Verdict::Again, format!("the receiver answered {status}")),
    };
    Tried {
        verdict,
        http_status: Some(status.as_u16()),
        body,
        error,
    }
}

/// As much of the answer as is kept; the rest is never read.
async fn beginning(response: &mut Response) -> String {
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let room = MAX_ANSWER - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    String::from_utf8_lossy(&body).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example of the Standard Webhooks specification.
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signature.as_deref(), Some(expected));
    }

    #[test]
    fn a_secret_is_refused_unseen() {
        for bad in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_c2hvcnQ=",
            "whsec_!!",
        ] {
            let refused = bad.parse::<WebhookSecret>().unwrap_err().to_string();
            assert!(bad.is_empty() || !refused.contains(bad), "{refused}");
        }
        let good: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        assert_eq!(format!("{good:?}"), "WebhookSecret");
    }

    #[test]
    fn every_secret_signs() {
        let secret = |byte: u8| WebhookSecret(vec![byte; 24]);
        let webhooks = Webhooks::new(WebhookConfig {
            secrets: vec![secret(1), secret(2)],
            ..WebhookConfig::default()
        });
        let headers = webhooks.headers("msg_1", Timestamp::from_millis(5_999), b"{}");
        let signature = headers["webhook-signature"].to_str().unwrap();
        assert_eq!(signature.split(' ').count(), 2);
        assert_eq!(headers["webhook-timestamp"], "5");
        assert_eq!(headers["webhook-id"], "msg_1");
        let unsigned = Webhooks::new(WebhookConfig::default());
        let headers = unsigned.headers("msg_1", Timestamp::from_millis(0), b"{}");
        assert!(!headers.contains_key("webhook-signature"));
    }
}
