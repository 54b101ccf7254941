//! What becomes of the connections that calls are made over.

use super::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Reads a request from each connection, writes these bytes and closes it.
async fn answer_raw(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let mut connection = listener.accept().await.unwrap().0;
            read_request(&mut connection).await;
            connection.write_all(response.as_bytes()).await.unwrap();
        }
    });
    url
}

async fn read_request(connection: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\nin") {
        assert_ne!(connection.read_buf(&mut request).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_is_the_platform_s_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = listener.local_addr().unwrap();
    drop(listener);
    let plain = answer("no TLS here").await;
    let cases = [
        (format!("http://user:secret@{refused}"), "refused"),
        (plain.replace("http:", "https:"), ""),
    ];
    for (url, message) in cases {
        let fault = failed(&url).await;
        let told = (fault.kind, fault.error.as_str(), fault.http_status);
        assert_eq!(told, (FaultKind::System, "TargetUnreachable", None));
        assert!(fault.message.contains(message), "{}", fault.message);
        assert!(!fault.message.contains("secret"), "{}", fault.message);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_the_function_s_fault() {
    let silent = failed(&answer_raw("").await).await;
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly the beginning";
    let cut = failed(&answer_raw(cut).await).await;
    for (fault, status, message) in [
        (silent, None, "lost before the target answered"),
        (cut, Some(200), "cut short"),
    ] {
        let told = (fault.kind, fault.error.as_str(), fault.http_status);
        assert_eq!(
            told,
            (FaultKind::Function, "UnhandledInvocationError", status)
        );
        assert!(fault.message.contains(message), "{}", fault.message);
    }
    let error = "HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{";
    let fault = failed(&answer_raw(error).await).await;
    assert_eq!(fault.error, "HandledInvocationError", "its status was told");
}

/// Serves a function that never ends; the tokens are cancelled when it is called and when its
/// caller has given it up.
async fn hang() -> (String, CancellationToken, CancellationToken) {
    let (called, left) = (CancellationToken::new(), CancellationToken::new());
    let tell = (called.clone(), left.clone());
    let function = async move || -> StatusCode {
        let _left = tell.1.drop_guard();
        tell.0.cancel();
        std::future::pending().await
    };
    let url = serve(Router::new().route("/invoke", post(function))).await;
    (url, called, left)
}

#[tokio::test]
async fn a_call_is_given_up_at_its_timeout() {
    let (url, _, _) = hang().await;
    let mut call = call(&url);
    call.timeout = Duration::from_millis(200);
    let timed_out = Fault::timed_out(call.timeout);
    assert_eq!(fault(execute(&executor(), call).await), timed_out);
}

#[tokio::test]
async fn a_call_is_given_up_when_it_is_cancelled_and_the_target_sees_it() {
    let (url, called, left) = hang().await;
    let cancel = CancellationToken::new();
    let executor = executor();
    let (end, ()) = futures::join!(executor.run(call(&url), cancel.clone()), async {
        called.cancelled().await;
        cancel.cancel();
    });
    assert_eq!(end, End::Cancelled);
    left.cancelled().await;
}

#[tokio::test]
async fn calls_share_their_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut connection = listener.accept().await.unwrap().0;
        for _ in 0..3 {
            read_request(&mut connection).await;
            let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            connection.write_all(ok).await.unwrap();
        }
    });
    let executor = executor();
    for _ in 0..3 {
        output(execute(&executor.clone(), call(&url)).await);
    }
    server.await.unwrap();
}

#[tokio::test]
async fn a_target_that_others_gave_is_not_called_where_it_is_local() {
    let url = answer("here").await;
    let by_name = url.replace("127.0.0.1", "localhost");
    let outcome = async |url: &str, origin: &str, allow: &[Allowed]| {
        let config = ExecutorConfig {
            allow: allow.to_vec(),
            ..ExecutorConfig::default()
        };
        let executor = Executor::new(Handlers::new(), config);
        // The owner's connection is kept, and no way around.
        for origin in ["owner", origin] {
            let settings = json!({"target_origin": origin, "timeout": "1m"});
            let call = attempt(&json!({"http": url}), &settings);
            let execution = execute(&executor, call).await;
            if origin != "owner" {
                return execution.outcome;
            }
            assert_eq!(execution.outcome, Outcome::Succeeded);
        }
        Outcome::Succeeded
    };
    for url in [&url, &by_name] {
        let Outcome::Failed(fault) = outcome(url, "stranger", &[]).await else {
            panic!("{url} was called");
        };
        let told = (fault.kind, fault.error.as_str());
        assert_eq!(told, (FaultKind::Function, "TargetForbidden"));
        assert!(fault.message.contains("targets.allow"), "{}", fault.message);
        let (neighbour, allowed) = (
            outcome(url, "neighbour", &[]).await,
            outcome(url, "stranger", &Allowed::loopback()).await,
        );
        assert_eq!(
            (neighbour, allowed),
            (Outcome::Succeeded, Outcome::Succeeded)
        );
    }
}
