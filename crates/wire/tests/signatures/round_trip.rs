//! What Ekiden's client signs, Ekiden accepts; one byte later it does not.

use crate::support::{NEW_YEAR, SECRET, request, verify};
use ekiden_wire::signature::{AuthError, sign_acs3};
use http::{HeaderName, HeaderValue, Uri, request::Parts};
use proptest::{collection::vec, prelude::*, sample::Index};
use sha2::{Digest as _, Sha256};

fn items(query: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let decoded = |text: &str| -> Vec<u8> {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).collect()
    };
    query
        .split('&')
        .map(|item| item.split_once('=').unwrap_or((item, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

prop_compose! {
    fn signed()(
        method in "GET|PUT|POST|DELETE",
        path in "(/([a-z0-9._~-]|%[0-9A-F]{2}){0,12}){1,5}",
        query in vec(("[a-z]{1,3}", any::<String>()), 0..5),
        headers in vec(("x-(fc|acs)-[a-z]{1,9}", "[ -~é日]{0,20}"), 0..5),
        body in vec(any::<u8>(), 0..40),
        nonce in "[0-9a-f]{1,64}",
    ) -> (Parts, Vec<u8>, String) {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let mut parts = request(&method, &format!("{path}?{query}"), &[("host", "h:9000")]);
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            parts.headers.insert(name, HeaderValue::from_str(&value).unwrap());
        }
        let hash = Sha256::digest(&body).into();
        sign_acs3(&mut parts, "testid", SECRET, &hash, &nonce, NEW_YEAR).unwrap();
        (parts, body, nonce)
    }
}

/// `bytes` with another byte at one place; `None` if there is none to change.
fn flipped(bytes: &[u8], at: Index, other: u8) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let index = (!bytes.is_empty()).then(|| at.index(bytes.len()))?;
    let byte = std::mem::replace(&mut bytes[index], other);
    (byte != other).then_some(bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_signed_request_is_accepted((parts, body, nonce) in signed()) {
        let verified = verify(&parts, SECRET, NEW_YEAR).unwrap();
        prop_assert_eq!(verified.body_sha256, Some(Sha256::digest(&body).into()));
        prop_assert_eq!(verified.nonce, Some(nonce));
        prop_assert!(verify(&parts, "other", NEW_YEAR).is_err());
    }

    #[test]
    fn another_byte_in_the_path_or_query_is_refused(
        (mut parts, _, _) in signed(), at in any::<Index>(), other in b' '..=b'~',
    ) {
        let target = parts.uri.path_and_query().unwrap().as_str().as_bytes();
        let Some(target) = flipped(target, at, other) else { return Ok(()) };
        let Ok(uri) = Uri::try_from(target) else { return Ok(()) };
        // The hex digits of an escape may be of either case, and an empty query need not be there.
        let same = |uri: &Uri| (uri.path().to_owned(), items(uri.query().unwrap_or_default()));
        prop_assume!(same(&uri) != same(&parts.uri));
        parts.uri = uri;
        prop_assert!(verify(&parts, SECRET, NEW_YEAR).is_err(), "{:?}", parts.uri);
    }

    #[test]
    fn another_byte_in_a_signed_header_is_refused(
        (mut parts, _, _) in signed(), which in any::<Index>(), at in any::<Index>(),
        other in any::<u8>(),
    ) {
        let names: Vec<HeaderName> = parts.headers.keys().cloned().collect();
        let name = &names[which.index(names.len())];
        prop_assume!(name != http::header::AUTHORIZATION);
        let old = parts.headers[name].as_bytes().to_vec();
        let Some(new) = flipped(&old, at, other) else { return Ok(()) };
        prop_assume!(new.trim_ascii() != old.trim_ascii());
        let Ok(value) = HeaderValue::from_bytes(&new) else { return Ok(()) };
        parts.headers.insert(name, value);
        prop_assert!(verify(&parts, SECRET, NEW_YEAR).is_err(), "{name}");
    }

    #[test]
    fn whatever_the_headers_say_is_answered_without_a_panic(
        authorization in "((FC|Bearer|ACS3-HMAC-SHA256|)[ -~]{0,60}|\\PC{0,30})",
        target in "/[!-~]{0,60}",
        date in "\\PC{0,40}",
    ) {
        if target.parse::<Uri>().is_err() {
            return Ok(());
        }
        let mut parts = request("GET", &target, &[]);
        for (name, value) in [("authorization", authorization), ("date", date)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                parts.headers.insert(name, value);
            }
        }
        if let Ok(Some(claim)) = ekiden_wire::signature::claimed(&parts) {
            prop_assert!(!claim.key_id().is_empty());
            prop_assert!(claim.verify(&parts, SECRET, NEW_YEAR).is_err());
        }
    }
}

#[test]
fn the_client_signs_the_host_of_the_uri_where_no_header_names_one() {
    let sign = |target: &str| {
        let mut parts = request(
            "POST",
            target,
            &[("accept", "*/*"), ("content-type", "text/plain")],
        );
        sign_acs3(&mut parts, "testid", SECRET, &[0; 32], "n", NEW_YEAR).map(|()| parts)
    };
    let parts = sign("http://127.0.0.1:9000/a?b=1").unwrap();
    assert_eq!(parts.headers["host"], "127.0.0.1:9000");
    assert_eq!(parts.headers["x-acs-date"], "2023-01-01T00:00:00Z");
    let value = parts.headers["authorization"].to_str().unwrap();
    let names = "content-type;host;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce";
    assert!(value.starts_with(&format!(
        "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={names},Signature="
    )));
    assert!(verify(&parts, SECRET, NEW_YEAR).is_ok());
    let error = sign("/a").unwrap_err();
    assert_eq!(error, AuthError::MissingHeader("host".to_owned()));
}

#[test]
fn a_nonce_or_key_that_no_header_can_hold_is_not_signed_with() {
    for (id, nonce) in [("a\nb", "n"), ("a", "n\n")] {
        let mut parts = request("GET", "/", &[("host", "h")]);
        let signed = sign_acs3(&mut parts, id, SECRET, &[0; 32], nonce, NEW_YEAR);
        assert_eq!(signed.unwrap_err().code(), "InvalidArgument");
    }
}
