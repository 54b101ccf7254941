//! What the SDKs sign is accepted, at the time they signed it.

use crate::support::{NEW_YEAR, Recorded, SECRET, captures, recorded, verify};
use ekiden_domain::Timestamp;
use ekiden_wire::signature::{AuthError, claimed};
use sha2::{Digest as _, Sha256};

fn vectors() -> Vec<Recorded> {
    recorded(include_str!("../data/vectors.json"))
}

fn sha256(body: &[u8]) -> Option<[u8; 32]> {
    Some(Sha256::digest(body).into())
}

#[test]
fn every_vector_is_accepted() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 19);
    for vector in vectors {
        let parts = vector.parts().unwrap();
        assert_eq!(claimed(&parts).unwrap().unwrap().key_id(), "testid");
        let verified = verify(&parts, SECRET, NEW_YEAR);
        let verified = verified.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        let body = vector.is_acs3().then(|| sha256(&vector.body())).flatten();
        assert_eq!(verified.body_sha256, body, "{}", vector.name);
        assert_eq!(verified.nonce.is_some(), vector.is_acs3());
    }
}

#[test]
fn every_vector_is_refused_with_another_secret_and_shows_the_text_that_the_sdk_signed() {
    for vector in vectors() {
        let error = verify(&vector.parts().unwrap(), "other", NEW_YEAR).unwrap_err();
        assert_eq!(
            (error.code(), error.status().as_u16()),
            ("SignatureNotMatch", 403)
        );
        let text = error.signed_text().unwrap().as_str();
        // Of several variants the documented one is shown, which sorts the query.
        if vector.name != "gw-query" {
            assert_eq!(Some(text), vector.signed_text.as_deref(), "{}", vector.name);
        }
        assert!(!error.to_string().contains('\n') && !format!("{error:?}").contains('\n'));
    }
}

#[test]
fn every_request_that_an_sdk_sent_is_accepted_once_the_body_is_the_signed_one() {
    let captures = captures();
    assert_eq!(captures.len(), 103);
    for capture in captures {
        let verified = verify(&capture.parts().unwrap(), SECRET, capture.date());
        let verified = verified.unwrap_or_else(|error| panic!("{capture:?}: {error}"));
        if !capture.is_acs3() {
            assert_eq!(verified.body_sha256, None);
            continue;
        }
        let mut body = capture.body();
        assert_eq!(verified.body_sha256, sha256(&body));
        match body.first_mut() {
            Some(byte) => *byte ^= 1,
            None => body.push(b' '),
        }
        assert_ne!(verified.body_sha256, sha256(&body));
    }
}

#[test]
fn signed_urls_of_the_go_and_java_sdks_are_accepted_until_they_expire() {
    let urls: Vec<Recorded> = recorded(include_str!("../data/signed_urls.json"));
    assert_eq!(urls.len(), 7);
    for url in urls {
        let (parts, secret) = (url.parts().unwrap(), url.secret.as_deref().unwrap());
        let (_, rest) = url.target.split_once("x-fc-expires=").unwrap();
        let expires: i64 = rest.split('&').next().unwrap().parse().unwrap();
        for (millis, accepted) in [
            (0, true),
            (expires * 1000, true),
            (expires * 1000 + 1, false),
        ] {
            let verdict = verify(&parts, secret, Timestamp::from_millis(millis));
            match verdict {
                Err(AuthError::Expired {
                    expires: at,
                    server,
                }) => {
                    assert_eq!((accepted, at, server), (false, expires, expires));
                }
                other => assert!(other.is_ok() && accepted, "{}: {other:?}", url.name),
            }
        }
        let error = verify(&parts, "other", Timestamp::from_millis(0)).unwrap_err();
        assert!(matches!(error, AuthError::SignatureMismatch(_)));
    }
}
