//! Credentials that are missing, unreadable, outdated, or of another kind.

use crate::support::{
    FC, HEX, NEW_YEAR, NEW_YEAR_DATE, SECRET, acs3, fc, get, refused, request, verify,
};
use ekiden_wire::{
    Problem,
    signature::{AuthError, claimed},
};
use http::{HeaderValue, StatusCode, request::Parts};

const SHA256_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn a_request_without_credentials_is_anonymous() {
    for target in [
        "/",
        "/?",
        "/?a=1&b",
        "/?x-fc-expires=1&x-fc-access-key-id=a",
    ] {
        assert!(claimed(&request("GET", target, &[])).unwrap().is_none());
    }
}

#[test]
fn a_header_that_cannot_be_read_is_a_bad_request_that_repeats_no_secret() {
    let long = format!("FC id:{HEX}");
    let listed = |parameters: &str| format!("ACS3-HMAC-SHA256 {parameters}");
    let names = |names: &str| {
        listed(&format!(
            "Credential=a,SignedHeaders={names},Signature={HEX}"
        ))
    };
    let (host_only, upper) = (names("host"), names("Host"));
    let (no_host, no_nonce) = (names("x-acs-date"), names("x-acs-date;host"));
    let twice = listed("Credential=a,Credential=b,SignedHeaders=host");
    let not_hex = listed("Credential=a,SignedHeaders=host,Signature=hunter2");
    for (value, says) in [
        ("", "none of FC, ACS3-HMAC-SHA256 and Bearer"),
        ("hunter2", "none of FC"),
        ("Basic hunter2", "none of FC"),
        ("acs id:hunter2", "none of FC"),
        ("FC", "is not FC <access key id>:<signature>"),
        ("FC hunter2", "is not FC <access key id>:<signature>"),
        ("FC :hunter2", "is not FC <access key id>:<signature>"),
        ("FC id:hunter2", "not the Base64 of an HMAC-SHA256"),
        (&long, "not the Base64 of an HMAC-SHA256"),
        ("Bearer hunter2", "not <access key id>:<secret>"),
        ("Bearer :hunter2", "not <access key id>:<secret>"),
        ("Bearer id:", "not <access key id>:<secret>"),
        ("ACS3-HMAC-SHA256", "has no Credential"),
        ("ACS3-HMAC-SHA256 Credential=,hunter2", "has no Credential"),
        ("ACS3-HMAC-SHA256 Credential=a", "has no SignedHeaders"),
        (
            "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host",
            "has no Signature",
        ),
        (&host_only, "must include x-acs-date"),
        (&no_host, "must include host"),
        (&no_nonce, "must include x-acs-signature-nonce"),
        (&upper, "not lower-case header names"),
        (&twice, "more than one Credential"),
        (&not_hex, "not an HMAC-SHA256 in lower-case hex"),
    ] {
        let error = claimed(&get(&[("authorization", value)])).unwrap_err();
        assert_eq!(
            (error.code(), error.status()),
            ("InvalidArgument", StatusCode::BAD_REQUEST)
        );
        let message = error.to_string();
        assert!(
            message.contains(says) && !message.contains("hunter2"),
            "{value}: {message}"
        );
    }
}

#[test]
fn headers_that_are_not_utf8_or_occur_twice_are_refused_by_name() {
    let mut parts = fc(NEW_YEAR_DATE);
    let latin1 = HeaderValue::from_bytes(b"caf\xe9").unwrap();
    parts.headers.insert("x-fc-note", latin1.clone());
    assert_eq!(refused(&parts).to_string(), "header x-fc-note is not UTF-8");
    parts.headers.insert("authorization", latin1);
    let error = claimed(&parts).unwrap_err().to_string();
    assert_eq!(error, "header authorization is not UTF-8");
    for name in ["authorization", "x-fc-note", "date", "content-type"] {
        let mut parts = fc(NEW_YEAR_DATE);
        for _ in 0..2 {
            parts.headers.append(name, HeaderValue::from_static(FC));
        }
        let error = claimed(&parts).err().unwrap_or_else(|| refused(&parts));
        assert_eq!(
            error.to_string(),
            format!("header {name} occurs more than once")
        );
    }
}

#[test]
fn what_a_scheme_prescribes_is_asked_for_by_name() {
    let missing = |parts: &Parts, name: &str| {
        let error = refused(parts);
        assert_eq!(error, AuthError::MissingHeader(name.to_owned()));
        assert_eq!(
            (error.code(), error.status().as_u16()),
            ("MissingRequiredHeader", 400)
        );
        assert_eq!(
            error.to_string(),
            format!("required HTTP header {name} was not specified")
        );
    };
    missing(&get(&[("authorization", FC)]), "date");
    missing(&acs3(&[]), "x-acs-date");
    let date = ("x-acs-date", "2023-01-01T00:00:00Z");
    missing(&acs3(&[date]), "x-acs-content-sha256");
    let body = ("x-acs-content-sha256", SHA256_OF_NOTHING);
    missing(&acs3(&[date, body]), "x-acs-signature-nonce");
    let nonce = ("x-acs-signature-nonce", "n");
    let complete = acs3(&[date, body, nonce]);
    assert_eq!(refused(&complete).code(), "SignatureNotMatch");
    let mut without_host = complete;
    without_host.headers.remove("host");
    missing(&without_host, "host");
    for (name, value) in [
        ("x-acs-date", "yesterday"),
        ("x-acs-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-acs-signature-nonce", " "),
    ] {
        let mut parts = acs3(&[date, body, nonce]);
        parts.headers.insert(name, value.parse().unwrap());
        let error = refused(&parts);
        assert!(
            error.code() == "InvalidArgument" && error.to_string().contains(name),
            "{error}"
        );
    }
}

#[test]
fn signed_urls_are_complete_or_refused() {
    let url = |query: &str| {
        let error = claimed(&request("GET", &format!("/f?{query}"), &[])).unwrap_err();
        assert_eq!(error.code(), "InvalidArgument");
        error.to_string()
    };
    let signature = "x-fc-signature=Yi0jCBQ6cTZc%2BtN8wtYUz9FbYNijx5jDiE3sVNW6XwA%3D";
    assert!(url("x-fc-signature").contains("not the Base64"));
    assert!(url(signature).contains("x-fc-access-key-id"));
    assert!(url(&format!("{signature}&x-fc-access-key-id=a")).contains("x-fc-expires"));
    assert!(
        url(&format!(
            "{signature}&x-fc-access-key-id=a&x-fc-expires=soon"
        ))
        .contains("seconds")
    );
    assert!(url(&format!("{signature}&{signature}")).contains("more than once"));
    assert!(url(&format!("{signature}&x-fc-access-key-id=%FF")).contains("not UTF-8"));
    let both = format!("/f?{signature}&x-fc-access-key-id=a&x-fc-expires=1");
    let error = claimed(&request("GET", &both, &[("authorization", FC)])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("both an Authorization header and a signed URL")
    );
}

#[test]
fn a_bearer_token_is_id_and_secret() {
    let bearer = |token: &str| get(&[("authorization", &format!("bearer  {token}"))]);
    let claim = claimed(&bearer("testid:testsecret")).unwrap().unwrap();
    assert_eq!(claim.key_id(), "testid");
    assert!(!format!("{claim:?}").contains(SECRET), "{claim:?}");
    assert!(verify(&bearer("testid:testsecret"), SECRET, NEW_YEAR).is_ok());
    assert!(verify(&bearer("testid:a:b"), "a:b", NEW_YEAR).is_ok());
    for secret in ["testsecre", "testsecretx", "Testsecret", " testsecret"] {
        let error = refused(&bearer(&format!("testid:{secret}")));
        assert_eq!(
            (error.code(), error.status().as_u16()),
            ("AccessDenied", 403)
        );
        assert!(!error.to_string().contains(secret));
    }
}

#[test]
fn a_refusal_becomes_a_problem_of_fcs() {
    let problem = Problem::from(AuthError::UnknownKey("id".to_owned()));
    assert_eq!(problem.status, StatusCode::FORBIDDEN);
    assert_eq!(problem.code, "InvalidAccessKeyID");
    assert_eq!(problem.message, "invalid access key ID 'id'");
    assert_eq!(AuthError::BodyMismatch.code(), "SignatureNotMatch");
    assert_eq!(AuthError::Replayed.code(), "AccessDenied");
}

#[test]
fn secrets_of_every_length_sign_as_hmac_has_it() {
    for (length, signature) in [
        (63, "nhK+BdqgeSa+G7oa+2HpBfdrN7JZoAYqL/0qgvCEnvg="),
        (64, "jSQiM35vioGbADz94cgtlaD3jjyR7FYwN5E4VEihlH0="),
        (65, "QgAZZt38vn0ACXI5Puls9PNNuVReNOwMoRZOMJgbKLI="),
        (200, "Y1HmJ3yuSLmERBQEmkVp0mO0E0bfaFT4jynMexRZPLA="),
    ] {
        let authorization = format!("FC id:{signature}");
        let headers = [("date", NEW_YEAR_DATE), ("authorization", &authorization)];
        let parts = request("GET", "/2016-08-15/services", &headers);
        assert!(
            verify(&parts, &"k".repeat(length), NEW_YEAR).is_ok(),
            "{length}"
        );
    }
}
