//! Requests to verify: recorded ones, and ones that a test makes up.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ekiden_domain::Timestamp;
use ekiden_wire::signature::{AuthError, Verified, claimed};
use http::{HeaderName, HeaderValue, Method, Request, Uri, request::Parts};
use serde::{Deserialize, de::DeserializeOwned};

/// The secret of the key `testid`, which all recorded requests were signed with.
pub(crate) const SECRET: &str = "testsecret";
/// Sun, 01 Jan 2023 00:00:00 GMT: the date of the vectors.
pub(crate) const NEW_YEAR: Timestamp = Timestamp::from_millis(1_672_531_200_000);
/// [`NEW_YEAR`] as the `FC` scheme spells it.
pub(crate) const NEW_YEAR_DATE: &str = "Sun, 01 Jan 2023 00:00:00 GMT";

/// A request as it was on the wire.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Recorded {
    /// The vector, or the SDK that sent it.
    pub(crate) name: String,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Base64.
    pub(crate) body: String,
    /// What the SDK computed the signature of.
    pub(crate) signed_text: Option<String>,
    /// Another secret than [`SECRET`].
    pub(crate) secret: Option<String>,
}

impl Recorded {
    /// `None` if it cannot be a request at all.
    pub(crate) fn parts(&self) -> Option<Parts> {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).ok()?;
        *request.uri_mut() = self.target.parse::<Uri>().ok()?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            request.headers_mut().append(name, value);
        }
        Some(request.into_parts().0)
    }

    /// The value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        STANDARD.decode(&self.body).unwrap()
    }

    pub(crate) fn is_acs3(&self) -> bool {
        self.header("authorization").starts_with("ACS3")
    }

    /// When it says it was signed.
    pub(crate) fn date(&self) -> Timestamp {
        let date = if self.is_acs3() {
            self.header("x-acs-date").parse().unwrap()
        } else {
            let parser = jiff::fmt::rfc2822::DateTimeParser::new();
            parser.parse_timestamp(self.header("date")).unwrap()
        };
        Timestamp::from_millis(date.as_millisecond())
    }

    /// Whether it is let in at `now`, with the key `testid`.
    pub(crate) fn is_accepted(&self, now: Timestamp) -> bool {
        let Some(parts) = self.parts() else {
            return false;
        };
        match claimed(&parts) {
            Ok(Some(claim)) if claim.key_id() == "testid" => {
                claim.verify(&parts, SECRET, now).is_ok()
            }
            _ => false,
        }
    }
}

/// A file of recorded requests.
pub(crate) fn recorded<T: DeserializeOwned>(json: &str) -> Vec<T> {
    serde_json::from_str(json).unwrap()
}

/// All requests that the SDKs were seen to send.
pub(crate) fn captures() -> Vec<Recorded> {
    recorded(include_str!("../data/captures.json"))
}

/// Verifies a request that carries credentials.
pub(crate) fn verify(parts: &Parts, secret: &str, now: Timestamp) -> Result<Verified, AuthError> {
    claimed(parts)?.unwrap().verify(parts, secret, now)
}

/// A request with these headers.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request.body(()).unwrap().into_parts().0
}

/// The signature of [`fc`].
pub(crate) const FC: &str = "FC testid:Vt+NVo7JsWBah2PeBhUjOUeWlGSOk41vk1gIFZ4hWsQ=";
/// 32 bytes of nothing in particular.
pub(crate) const HEX: &str = "2cb30f556ac216d17ec2d57f42ff67d439818b489482ceccddbc200500e69a59";

/// A request for a function.
pub(crate) fn get(headers: &[(&str, &str)]) -> Parts {
    request("GET", "/2016-08-15/services/svc1/functions/fn1", headers)
}

/// The same, as the `FC` scheme signed it on [`NEW_YEAR`].
pub(crate) fn fc(date: &str) -> Parts {
    get(&[
        ("date", date),
        ("content-type", "application/json"),
        ("authorization", FC),
    ])
}

/// Its signature is of another request; what is wrong with its headers is told before.
pub(crate) fn acs3(headers: &[(&str, &str)]) -> Parts {
    let names = "host;x-acs-date;x-acs-signature-nonce";
    let value = format!("ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={names},Signature={HEX}");
    get(&[&[("authorization", value.as_str()), ("host", "h")], headers].concat())
}

/// Why a request is not let in.
pub(crate) fn refused(parts: &Parts) -> AuthError {
    verify(parts, SECRET, NEW_YEAR).unwrap_err()
}
