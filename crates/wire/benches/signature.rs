//! What it costs to know who sent a request: ACS3 with a body of 1 KiB, hash of the body included.

use criterion::{Criterion, criterion_group, criterion_main};
use ekiden_domain::Timestamp;
use ekiden_wire::signature::{AuthError, claimed, sign_acs3};
use http::{Request, request::Parts};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;

const SECRET: &str = "testsecret";
const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn signed(body: &[u8]) -> Result<Parts, Box<dyn std::error::Error>> {
    let request = Request::post("/2023-03-30/functions/fn1/invocations?qualifier=LATEST")
        .header("host", "127.0.0.1:9000")
        .header("content-type", "application/octet-stream")
        .header("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.11.7")
        .header("x-acs-version", "2023-03-30")
        .header("x-acs-action", "InvokeFunction")
        .header("x-acs-credentials-provider", "static_ak")
        .header("x-fc-invocation-type", "Async")
        .header("x-fc-async-task-id", "job-1")
        .body(())?;
    let mut parts = request.into_parts().0;
    let hash = Sha256::digest(body).into();
    sign_acs3(&mut parts, "testid", SECRET, &hash, "0123456789abcdef", NOW)?;
    Ok(parts)
}

fn accepts(parts: &Parts, body: &[u8]) -> Result<bool, AuthError> {
    let Some(claim) = claimed(parts)? else {
        return Ok(false);
    };
    let verified = claim.verify(parts, SECRET, NOW)?;
    Ok(verified.body_sha256 == Some(Sha256::digest(body).into()))
}

fn bench(criterion: &mut Criterion) {
    let body = [b'x'; 1024];
    let parts = match signed(&body) {
        Ok(parts) => parts,
        Err(error) => panic!("the request cannot be signed: {error}"),
    };
    assert_eq!(accepts(&parts, &body), Ok(true));
    criterion.bench_function("verify ACS3, 1 KiB body", |bencher| {
        bencher.iter(|| accepts(black_box(&parts), black_box(&body)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
