//! Sizes, to the last byte that is allowed and the first that is not.

use super::{answered, invoke, nothing_was_kept};
use crate::{
    client::Answer,
    raw::{self, bare, with_headers},
    server::Server,
    spelling::{SPELLINGS, UNVERSIONED, V2023},
    world::{Plan, World, until_status},
};

both_stacks! {
    a_payload_has_at_most_128_kib,
    a_payload_that_is_no_text_is_kept_byte_for_byte,
    a_body_that_breaks_off_is_no_invocation,
    a_head_has_at_most_16_kib,
    what_is_no_request_is_answered_by_its_status_alone,
    a_path_with_its_query_has_at_most_4_kib,
    an_id_has_at_most_128_characters,
}

const MOST: usize = 131_072;

/// An invocation with this body, in one piece or in chunks.
fn with_body(path: &str, body: &[u8], is_chunked: bool) -> Vec<u8> {
    let length = body.len().to_string();
    let framing = if is_chunked {
        ("transfer-encoding", "chunked")
    } else {
        ("content-length", length.as_str())
    };
    let headers = [("x-fc-invocation-type", "Async"), framing];
    let mut request = with_headers("POST", path, &headers);
    if !is_chunked {
        request.extend_from_slice(body);
        return request;
    }
    for chunk in body.chunks(50_000) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

async fn a_payload_has_at_most_128_kib(world: &World) {
    let server = world.serve(Plan::default()).await;
    for spelling in SPELLINGS {
        let path = spelling.invoke("f");
        for is_chunked in [false, true] {
            for length in [MOST + 1, 1024 * 1024] {
                let request = with_body(&path, &vec![b'x'; length], is_chunked);
                let answer = answered(&server, &request).await;
                let (code, message) = answer.problem();
                assert_eq!((answer.status, code.as_str()), (400, "EntityTooLarge"));
                assert!(message.contains("131072"), "{message}");
            }
        }
    }
    nothing_was_kept(world, &server).await;
    let before = world.functions.calls().len();
    for (is_chunked, length) in [(false, MOST), (true, MOST), (false, 0), (true, 0)] {
        let payload = vec![b'x'; length];
        let request = with_body(&V2023.invoke("f"), &payload, is_chunked);
        let accepted = answered(&server, &request).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        let id = accepted.request_id();
        until_status(&server.client, id, "Succeeded").await;
        assert!(
            world.functions.calls_of(id)[0].payload == payload,
            "other bytes"
        );
        let record = server.client.get(&V2023.task("f", id)).await.json();
        assert_eq!(record["taskPayload"].as_str().unwrap().len(), length);
    }
    assert_eq!(world.functions.calls().len(), before + 4);
}

async fn a_payload_that_is_no_text_is_kept_byte_for_byte(world: &World) {
    let server = world.serve(Plan::default()).await;
    let payload: Vec<u8> = (0..=255).collect();
    for spelling in SPELLINGS {
        let accepted = server
            .client
            .post(&spelling.invoke("f"), &[], payload.clone())
            .await;
        let id = accepted.request_id();
        until_status(&server.client, id, "Succeeded").await;
        assert_eq!(world.functions.calls_of(id)[0].payload, payload);
        let (listed, _) = spelling
            .page(&server.client, "f", "limit=1&includePayload=true")
            .await;
        let shown = server.client.get(&spelling.task("f", id)).await.json();
        for record in [&listed[0], &shown] {
            assert_eq!(record["payloadEncoding"], "base64");
            let text = record[spelling.payload_key()].as_str().unwrap();
            assert!(
                text.starts_with("AAECAwQF") && text.ends_with("/P3+/w=="),
                "{text}"
            );
            assert_eq!(text.len(), 344);
        }
    }
    // NUL is text, and no store may choke on it.
    let accepted = server.client.post(&V2023.invoke("f"), &[], "a\0b").await;
    let ended = until_status(&server.client, accepted.request_id(), "Succeeded").await;
    assert_eq!(ended["invocationPayload"], "a\0b");
}

async fn a_body_that_breaks_off_is_no_invocation(world: &World) {
    let server = world.serve(Plan::default()).await;
    let mut request = with_body(&UNVERSIONED.invoke("f"), &[b'x'; 1000], false);
    request.truncate(request.len() - 1);
    half_sent(&server, &request).await;
    let mut request = with_body(&UNVERSIONED.invoke("f"), &[b'x'; 1000], true);
    request.truncate(request.len() - 5);
    half_sent(&server, &request).await;
    nothing_was_kept(world, &server).await;
}

/// Sends it and hangs up; the server notices, as it closes too.
async fn half_sent(server: &Server, request: &[u8]) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest).await);
    assert!(
        !rest.starts_with(b"HTTP/1.1 202"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
}

async fn padded(server: &Server, length: usize) -> Answer {
    // As the limit counts: each header's name and value, and four bytes around them.
    let own = "host".len() + "localhost".len() + "connection".len() + "close".len() + 8;
    let padding = "a".repeat(length - own - "x-pad".len() - 4);
    let request = with_headers("GET", &UNVERSIONED.list("f"), &[("x-pad", &padding)]);
    raw::exchange(server.address, &request).await
}

async fn a_head_has_at_most_16_kib(world: &World) {
    let server = world.serve(Plan::default()).await;
    let allowed = padded(&server, 16 * 1024).await;
    allowed.check();
    assert_eq!(allowed.status, 200);
    for length in [16 * 1024 + 1, 60_000] {
        let refused = padded(&server, length).await;
        refused.check();
        let (code, message) = refused.problem();
        assert_eq!((refused.status, code.as_str()), (400, "InvalidArgument"));
        let (has, may) = (format!("{length} bytes"), "16384 are allowed");
        assert!(message.contains(&has) && message.contains(may), "{message}");
    }
    // What is far too much is not even read: the HTTP library refuses it.
    assert_eq!(padded(&server, 1_000_000).await.status, 431);
}

async fn what_is_no_request_is_answered_by_its_status_alone(world: &World) {
    let server = world.serve(Plan::default()).await;
    let path = UNVERSIONED.list("f");
    let long = "a".repeat(1_000_000);
    for (request, status) in [
        (b"GET /\xff\x00 HTTP/1.1\r\n\r\n".to_vec(), 400),
        (b"no request\r\n\r\n".to_vec(), 400),
        (with_headers("GET", &path, &[("a", "b"); 129]), 431),
        (with_headers("GET", &path, &[("a", &long)]), 431),
        (bare("GET", &format!("/{long}")), 431),
    ] {
        let answer = raw::exchange(server.address, &request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.is_empty(), "{answer:?}");
        assert_eq!(answer.header("x-fc-request-id"), None, "{answer:?}");
    }
}

async fn a_path_with_its_query_has_at_most_4_kib(world: &World) {
    let server = world.serve(Plan::default()).await;
    for spelling in SPELLINGS {
        let target = |length: usize| {
            let start = format!("{}?unknown=", spelling.list("f"));
            format!("{start}{}", "a".repeat(length - start.len()))
        };
        assert_eq!(
            answered(&server, &bare("GET", &target(4096))).await.status,
            200
        );
        for length in [4097, 10_000] {
            let refused = answered(&server, &bare("GET", &target(length))).await;
            let (code, message) = refused.problem();
            assert_eq!((refused.status, code.as_str()), (400, "InvalidArgument"));
            let has = format!("{length} bytes");
            assert!(
                message.contains(&has) && message.contains("4096"),
                "{message}"
            );
        }
    }
}

async fn an_id_has_at_most_128_characters(world: &World) {
    let server = world.serve(Plan::default()).await;
    let id = format!("_{}", "x".repeat(127));
    let accepted = answered(
        &server,
        &invoke(&V2023.invoke("f"), &[(V2023.id_header(), &id)]),
    )
    .await;
    assert_eq!(accepted.status, 202);
    until_status(&server.client, &id, "Succeeded").await;
    let listed = V2023
        .ids(&server.client, "f", &format!("prefix={id}"))
        .await;
    assert_eq!(listed, [id]);
}
