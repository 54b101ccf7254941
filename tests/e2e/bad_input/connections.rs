//! What becomes of a connection whose request was refused before its body was read: clients that keep
//! connections send their next request on it.

use crate::{
    raw,
    spelling::{SPELLINGS, UNVERSIONED},
    world::{Plan, World},
};
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

both_stacks! {
    a_refusal_leaves_its_connection_usable,
    a_refusal_of_too_much_says_that_the_connection_closes,
}

/// Sends a head and, once a hasty server would have answered it, the body; the answer's status, and
/// whether the connection goes on.
async fn asked(stream: &mut BufReader<TcpStream>, path: &str, body: &[u8]) -> (u16, bool) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(timeout(Duration::from_millis(50), stream.get_ref().readable()).await);
    stream.write_all(body).await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "{head}");
    }
    let head = head.to_ascii_lowercase();
    let length = head.split_once("content-length: ").unwrap().1;
    let length = length.split_once("\r\n").unwrap().0.parse().unwrap();
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, !head.contains("connection: close"))
}

async fn a_refusal_leaves_its_connection_usable(world: &World) {
    let server = world.serve(Plan::default()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut stream = BufReader::new(stream);
    for spelling in SPELLINGS {
        for (path, status) in [
            (spelling.invoke("nobody"), 404),
            (spelling.invoke("1f"), 400),
            (spelling.task("f", "id"), 400),
            (format!("/{}", "x".repeat(5000)), 400),
        ] {
            assert_eq!(asked(&mut stream, &path, b"hello").await, (status, true));
        }
    }
    let (status, _) = asked(&mut stream, &UNVERSIONED.invoke("f"), b"hello").await;
    assert_eq!(status, 200);
}

async fn a_refusal_of_too_much_says_that_the_connection_closes(world: &World) {
    let server = world.serve(Plan::default()).await;
    // It never comes.
    let length = [("content-length", "100000")];
    let mut request = raw::with_headers("POST", "/nothing", &length);
    let head = String::from_utf8(request).unwrap();
    request = head.replace("connection: close\r\n", "").into_bytes();
    let answer = raw::exchange(server.address, &request).await;
    answer.check();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("connection"), Some("close"));
}
