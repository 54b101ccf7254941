//! A request that is not, byte by byte, what was signed is refused.

use crate::support::{NEW_YEAR, Recorded, SECRET, captures, recorded, request, verify};
use ekiden_domain::Timestamp;
use std::{collections::BTreeSet, ops::Range};

/// `text` with each of its bytes in `range` in turn replaced by another.
fn altered(text: &str, range: Range<usize>) -> Vec<String> {
    range
        .filter(|at| text.is_char_boundary(*at) && text.is_char_boundary(at + 1))
        .map(|at| {
            let other = if text[at..].starts_with('x') {
                "y"
            } else {
                "x"
            };
            [&text[..at], other, &text[at + 1..]].concat()
        })
        .collect()
}

/// The indices of the headers that the signature covers, and of the one that holds it.
fn signed_headers(request: &Recorded) -> Vec<usize> {
    let listed: BTreeSet<&str> = match request.header("authorization").split_once("SignedHeaders=")
    {
        Some((_, rest)) => rest.split(',').next().unwrap().split(';').collect(),
        None => BTreeSet::from(["date", "content-md5", "content-type"]),
    };
    let is_signed = |name: &str| {
        let by_prefix = name.starts_with("x-fc-") && !request.is_acs3();
        // That client leaves Content-Type out.
        let left_out = request.name == "gwutil" && name == "content-type";
        (listed.contains(name) || by_prefix || name == "authorization") && !left_out
    };
    let headers = request.headers.iter().enumerate();
    headers
        .filter(|(_, (name, _))| is_signed(&name.to_ascii_lowercase()))
        .map(|(index, _)| index)
        .collect()
}

fn variations(request: &Recorded) -> Vec<Recorded> {
    let mut variations = Vec::new();
    for method in altered(&request.method, 0..request.method.len()) {
        variations.push(Recorded {
            method,
            ..request.clone()
        });
    }
    let path = request.target.find('?').unwrap_or(request.target.len());
    // Without its first byte the target is none. On API paths the `FC` scheme leaves out the query.
    let end = if request.is_acs3() || request.name == "gwutil" {
        request.target.len()
    } else {
        path
    };
    for target in altered(&request.target, 1..end) {
        variations.push(Recorded {
            target,
            ..request.clone()
        });
    }
    for index in signed_headers(request) {
        let value = &request.headers[index].1;
        for value in altered(value, 0..value.len()) {
            let mut headers = request.headers.clone();
            headers[index].1 = value;
            variations.push(Recorded {
                headers,
                ..request.clone()
            });
        }
        let mut headers = request.headers.clone();
        headers.remove(index);
        variations.push(Recorded {
            headers,
            ..request.clone()
        });
        let mut headers = request.headers.clone();
        headers.push(headers[index].clone());
        variations.push(Recorded {
            headers,
            ..request.clone()
        });
    }
    variations
}

#[test]
fn one_byte_changed_in_a_captured_request_is_refused() {
    let mut tried = 0;
    for capture in captures() {
        let now = capture.date();
        assert!(capture.is_accepted(now));
        for variation in variations(&capture) {
            assert!(!variation.is_accepted(now), "{variation:?} of {capture:?}");
            tried += 1;
        }
    }
    assert!(tried > 20_000, "{tried}");
}

#[test]
fn one_byte_changed_in_a_signed_url_is_refused() {
    let urls: Vec<Recorded> = recorded(include_str!("../data/signed_urls.json"));
    for url in urls {
        let secret = url.secret.as_deref().unwrap();
        for target in altered(&url.target, 1..url.target.len()) {
            let altered = Recorded {
                target,
                ..url.clone()
            };
            // Another name of the signature's parameter leaves a request without credentials.
            let verdict = altered.parts().and_then(|parts| {
                let claim = ekiden_wire::signature::claimed(&parts).ok()??;
                claim.verify(&parts, secret, Timestamp::from_millis(0)).ok()
            });
            assert_eq!(verdict, None, "{altered:?}");
        }
    }
}

#[test]
fn an_unlisted_fc_header_breaks_the_fc_signature_but_not_acs3() {
    for capture in captures() {
        let mut added = capture.clone();
        added.headers.push(("x-fc-added".into(), "1".into()));
        assert_eq!(added.is_accepted(capture.date()), capture.is_acs3());
    }
}

#[test]
fn the_fc_scheme_covers_the_query_of_http_triggers_only() {
    let get = |target: &str, signature: &str| {
        let authorization = format!("FC testid:{signature}");
        let headers = [
            ("date", "Sun, 01 Jan 2023 00:00:00 GMT"),
            ("content-type", "application/json"),
            ("authorization", &authorization),
        ];
        verify(&request("GET", target, &headers), SECRET, NEW_YEAR).is_ok()
    };
    let function = "Vt+NVo7JsWBah2PeBhUjOUeWlGSOk41vk1gIFZ4hWsQ=";
    let path = "/2016-08-15/services/svc1/functions/fn1";
    assert!(get(path, function));
    assert!(get(&format!("{path}?limit=5"), function));
    // aliyun-fc2 ends a path without a query in a line feed or not, by how it is called.
    let triggers = [
        "ELsObOGFPeHr1Qd22fHxMKTXYOMiVCBU+0xWd26zJ2c=",
        "ct9F7D12PUQaQZ3zmEBnfIqpUkBWGh6UroTHV/SKaGw=",
    ];
    for (path, accepted) in [
        ("/2016-08-15/proxy/svc1/fn1/", true),
        ("/2016-08-15/%70roxy/svc1/fn1/", true),
        ("/2016-08-15/proxy/svc1/fn1/?a=1", false),
        ("/2016-08-15/%70roxy/svc1/fn1/?a=1", false),
        ("/2016-08-15/proxy%2Fsvc1/fn1/?a=1", false),
    ] {
        for signature in triggers {
            assert_eq!(get(path, signature), accepted, "{path}");
        }
    }
}

#[test]
fn queries_that_would_be_signed_alike_are_told_apart() {
    // Signed were the items c, b=2, a=1 and a=0.
    let signature = "FC testid:BnyuZIJx4edB2vPxfrS2In/Wt0+zfmxxeCW7lQOISyA=";
    for (query, accepted) in [
        ("b=2&a=1&a=0&c", true),
        ("a=0&a=1&b=2&c", true),
        ("a=0%0Aa=1&b=2&c", false),
        ("a=0%0Aa=1%0Ab=2%0Ac", false),
        ("a%3D0&a=1&b=2&c", false),
        ("a=0&a=1&b=2&c=", false),
        ("a=0&a=1&b=2&c&", false),
    ] {
        let target = format!("/2016-08-15/proxy/svc1/fn1/a%20b?{query}");
        let headers = [
            ("date", "Sun, 01 Jan 2023 00:00:00 GMT"),
            ("content-type", "application/json"),
            ("authorization", signature),
        ];
        let verdict = verify(&request("GET", &target, &headers), SECRET, NEW_YEAR);
        assert_eq!(verdict.is_ok(), accepted, "{query}");
    }
    let moved = "/2016-08-15/proxy/svc1/fn1/a%20b%0Aa=0%0Aa=1%0Ab=2%0Ac";
    let headers = [
        ("date", "Sun, 01 Jan 2023 00:00:00 GMT"),
        ("content-type", "application/json"),
        ("authorization", signature),
    ];
    let error = verify(&request("GET", moved, &headers), SECRET, NEW_YEAR).unwrap_err();
    assert_eq!(error.to_string(), "the path contains a line feed");
}
