//! Who sent a request.

use super::request::parse;
use ekiden_domain::Timestamp;
use ekiden_wire::signature::{claimed, sign_acs3};
use http::{header::AUTHORIZATION, request::Parts};

const SECRET: &str = "known to nobody who wrote the seeds";
/// Sun, 01 Jan 2023 00:00:00 GMT: the date of most seeds.
const NOW: Timestamp = Timestamp::from_millis(1_672_531_200_000);

/// Nobody gets in without the secret, no refusal tells it, and whoever has it gets in with this very
/// request.
pub(crate) fn signature(bytes: &[u8]) {
    let Some(request) = parse(bytes) else { return };
    let (mut parts, _) = request.into_parts();
    match claimed(&parts) {
        Ok(Some(claim)) => {
            assert!(!claim.key_id().is_empty());
            let refused = claim.verify(&parts, SECRET, NOW).unwrap_err();
            let said = format!("{refused} {refused:?} {claim:?}");
            assert!(!said.contains(SECRET), "{said}");
        }
        Ok(None) => {}
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
    parts.headers.remove(AUTHORIZATION);
    if !matches!(claimed(&parts), Ok(None)) {
        return;
    }
    let body = [7; 32];
    if sign_acs3(&mut parts, "id", SECRET, &body, "nonce", NOW).is_err() {
        return;
    }
    let verified = verify(&parts, SECRET).unwrap();
    assert_eq!(verified, (Some(body), Some("nonce".to_owned())));
    assert!(verify(&parts, "another").is_none());
    // Another path has another signature.
    let other = format!("{}/more", parts.uri.path());
    parts.uri = other.parse().unwrap();
    assert!(verify(&parts, SECRET).is_none());
}

fn verify(parts: &Parts, secret: &str) -> Option<(Option<[u8; 32]>, Option<String>)> {
    let claim = claimed(parts).unwrap().unwrap();
    let verified = claim.verify(parts, secret, NOW).ok()?;
    Some((verified.body_sha256, verified.nonce))
}
