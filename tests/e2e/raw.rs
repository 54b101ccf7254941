//! Requests that no well-mannered client sends: written byte by byte.

use crate::client::Answer;
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a server may take to answer and close.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends these bytes and reads until the server closes: say `Connection: close`.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses early closes while we still write.
    drop(stream.write_all(request).await);
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    if answer.is_empty() {
        read.unwrap();
    }
    parse(&answer)
}

/// A request without a body.
pub(crate) fn bare(method: &str, target: &str) -> Vec<u8> {
    with_headers(method, target, &[("content-length", "0")])
}

/// A request's head.
pub(crate) fn with_headers(method: &str, target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn parse(answer: &[u8]) -> Answer {
    let split = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&answer[..split]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(|line| line.split_once(':').unwrap()) {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    Answer {
        status,
        headers,
        body: Bytes::copy_from_slice(&answer[split + 4..]),
    }
}
