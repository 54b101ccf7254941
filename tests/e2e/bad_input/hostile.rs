//! Clients that mean harm: that never end what they begin, or hide one request inside another.

use super::nothing_was_kept;
use crate::{
    server::Server,
    spelling::UNVERSIONED,
    world::{Plan, SOON, World, embedded, until, until_status},
};
use futures::future::join_all;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// How many of them there are at once.
const MANY: usize = 100;
/// The pause between two bytes.
const PAUSE: Duration = Duration::from_millis(50);

/// A server that loses its patience soon.
fn impatient() -> Plan {
    Plan {
        settings: "[server]\nidle_timeout = \"1s\"\nrequest_timeout = \"1s\"\n".to_owned(),
        ..Plan::default()
    }
}

async fn connect(server: &Server, begins: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(begins.as_bytes()).await.unwrap();
    stream
}

/// Goes on with a byte now and then until the server closes; what that has said.
async fn drip(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let dripping = async {
        while stream.write_all(b"x").await.is_ok() {
            if let Ok(Ok(0) | Err(_)) = timeout(PAUSE, stream.read_buf(&mut said)).await {
                break;
            }
        }
    };
    timeout(SOON, dripping).await.expect("it is closed");
    String::from_utf8(said).unwrap()
}

/// What the server says until it closes.
async fn exchange(server: &Server, request: &str) -> String {
    let mut stream = connect(server, request).await;
    let mut said = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut said)).await;
    // Of a connection that is reset, what was said before it counts.
    drop(read.expect("it is closed"));
    String::from_utf8(said).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_ends_a_request_is_cut_off_and_others_are_served_meanwhile() {
    embedded(async |world: &World| {
        let server = world.serve(impatient()).await;
        let path = UNVERSIONED.invoke("f");
        let start = format!("POST {path} HTTP/1.1\r\nhost: h\r\nx-fc-invocation-type: Async\r\n");
        for (begins, is_answered) in [
            (String::new(), ""),
            (start.clone(), ""),
            (format!("{start}x-long: "), ""),
            (
                format!("{start}content-length: 1000\r\n\r\n"),
                "HTTP/1.1 408 ",
            ),
            (
                format!("{start}transfer-encoding: chunked\r\n\r\n3e8\r\n"),
                "HTTP/1.1 408 ",
            ),
        ] {
            let slow = join_all((0..MANY).map(|_| connect(&server, &begins))).await;
            let accepted = server.client.post(&path, &[], "quick").await;
            until_status(&server.client, accepted.request_id(), "Succeeded").await;
            for said in join_all(slow.into_iter().map(drip)).await {
                assert!(said.starts_with(is_answered), "{begins}: {said}");
                assert_eq!(said.is_empty(), is_answered.is_empty(), "{begins}: {said}");
            }
        }
        let calls = world.functions.calls();
        assert!(calls.iter().all(|call| call.payload == "quick"));
    })
    .await;
}

/// Asks for a sign of life over a connection from this address of loopback, which stays open.
async fn ask(server: &Server, from: &str) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let ask = b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";
    let mut begin = [0; 12];
    let asking = async {
        stream.write_all(ask).await?;
        stream.read_exact(&mut begin).await
    };
    timeout(SOON, asking).await.expect("an end").ok()?;
    assert_eq!(&begin, b"HTTP/1.1 200");
    Some(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_no_more_connections_than_it_may_and_others_are_served_meanwhile() {
    const MOST: usize = 8;
    embedded(async |world: &World| {
        let plan = Plan {
            settings: format!("[server]\nconnections_per_address = {MOST}\n"),
            ..Plan::default()
        };
        let server = world.serve(plan).await;
        let mut greedy = Vec::new();
        for _ in 0..MOST {
            greedy.push(ask(&server, "127.0.0.2:0").await.expect("an answer"));
        }
        assert!(ask(&server, "127.0.0.2:0").await.is_none());
        assert!(ask(&server, "127.0.0.3:0").await.is_some());
        greedy.pop();
        until("room again", async || ask(&server, "127.0.0.2:0").await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_no_answer_is_cut_off() {
    embedded(async |world: &World| {
        let server = world.serve(impatient()).await;
        let ask = "GET /ekiden/v1/openapi.json HTTP/1.1\r\nhost: h\r\n\r\n";
        let mut stream = connect(&server, ask).await;
        let asking = async { while stream.write_all(ask.as_bytes()).await.is_ok() {} };
        timeout(SOON, asking).await.expect("it is closed");
        assert_eq!(server.client.get("/healthz").await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_sent_at_once_are_answered_one_after_the_other() {
    embedded(async |world: &World| {
        let server = world.serve(Plan::default()).await;
        let ids: Vec<_> = (0..MANY).map(|number| format!("task_{number}")).collect();
        let mut requests: Vec<_> = ids
            .iter()
            .map(|id| {
                format!(
                    "POST {} HTTP/1.1\r\nhost: h\r\nx-fc-invocation-type: Async\r\n\
                     x-fc-async-task-id: {id}\r\ncontent-length: 5\r\n\r\nhello",
                    UNVERSIONED.invoke("f")
                )
            })
            .collect();
        let last = "GET /healthz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        requests.push(last.to_owned());
        let said = exchange(&server, &requests.concat()).await;
        assert_eq!(said.matches("HTTP/1.1 202").count(), MANY);
        assert_eq!(said.matches("HTTP/1.1 200").count(), 1);
        let lines = said.lines();
        let told = lines.filter_map(|line| line.strip_prefix("X-Fc-Async-Task-Id: "));
        assert!(told.eq(ids.iter()), "{said}");
        for id in &ids {
            until_status(&server.client, id, "Succeeded").await;
        }
    })
    .await;
}

/// What somebody would have answered in another's name.
const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";

/// An invocation with these further headers and this body, and what is hidden behind it.
fn smuggling(version: &str, headers: &str, body: &str) -> String {
    let path = UNVERSIONED.invoke("f");
    format!(
        "POST {path} HTTP/{version}\r\nhost: h\r\nx-fc-invocation-type: Async\r\n{headers}\r\n\r\n\
         {body}{HIDDEN}"
    )
}

/// It is answered once, so, and the connection is closed.
async fn one_answer(server: &Server, request: &str, status: u16) {
    let said = exchange(server, request).await;
    assert!(
        said.starts_with(&format!("HTTP/1.1 {status} ")),
        "{request}\n{said}"
    );
    assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{request}\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_two_could_read_differently_is_refused() {
    embedded(async |world: &World| {
        let server = world.serve(Plan::default()).await;
        for headers in [
            "content-length: 5\r\ncontent-length: 6",
            "content-length: 5, 6",
            "content-length: +5",
            "content-length: -5",
            "content-length: 0x5",
            "content-length: 99999999999999999999",
            "content-length : 5",
            "content-length: 5\r\n 0",
            "content-length: 5\r\nx: a\r\n\tb",
            "content-length: 5\r\n: a",
            "content-length: 5\r\nx: a\0b",
            "content-length: 5\r\nx y: a",
            "transfer-encoding : chunked",
            "transfer-encoding: xchunked",
            "transfer-encoding: identity",
            "transfer-encoding: chunked\r\ntransfer-encoding: identity",
            "transfer-encoding: chunked, identity",
            "content-length: 5\r\ntransfer-encoding: gzip",
        ] {
            one_answer(&server, &smuggling("1.1", headers, "hello"), 400).await;
        }
        let chunked = "transfer-encoding: chunked";
        one_answer(&server, &smuggling("1.0", chunked, "0\r\n\r\n"), 400).await;
        one_answer(&server, &smuggling("1.7", chunked, "0\r\n\r\n"), 400).await;
        let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100_000));
        for body in [
            "-5\r\nhello\r\n0\r\n\r\n",
            "x\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello!\r\n0\r\n\r\n",
            "5\nhello\n0\n\n",
            "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
            &long,
        ] {
            one_answer(&server, &smuggling("1.1", chunked, body), 400).await;
        }
        let many: String = (0..200)
            .map(|number| format!("\r\nx-{number}: a"))
            .collect();
        let many = smuggling("1.1", &format!("content-length: 5{many}"), "hello");
        one_answer(&server, &many, 431).await;
        nothing_was_kept(world, &server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_after_a_request_that_came_in_chunks() {
    embedded(async |world: &World| {
        let server = world.serve(Plan::default()).await;
        for headers in [
            "transfer-encoding: chunked",
            "content-length: 4\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked\r\ncontent-length: 4",
        ] {
            let request = smuggling("1.1", headers, "5\r\nhello\r\n0\r\n\r\n");
            one_answer(&server, &request, 202).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_are_made_up_make_no_metrics() {
    embedded(async |world: &World| {
        let server = world.serve(Plan::default()).await;
        for method in ["FIRST", "SECOND"] {
            let request = format!("{method} / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
            exchange(&server, &request).await;
        }
        let metrics = server.client.get("/metrics").await.body;
        let metrics = String::from_utf8_lossy(&metrics);
        assert!(metrics.contains(r#"method="other""#), "{metrics}");
        assert!(!metrics.contains("FIRST"), "{metrics}");
    })
    .await;
}
