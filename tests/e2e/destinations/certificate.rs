//! Receivers behind TLS, with certificates good and bad.

use super::{function, until_delivery};
use crate::{
    authority::Authority,
    spelling::UNVERSIONED,
    world::{Plan, World},
};
use axum::{Router, routing::post, serve::Listener};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

both_stacks! {
    a_receiver_whose_certificate_has_expired_is_told_nothing,
}

/// A receiver with a certificate that is good until the end of this year; its URL.
async fn receiver(authority: &Authority, last_year: i32) -> String {
    let listener = Tls {
        listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        acceptor: authority.acceptor(last_year),
    };
    let port = listener.local_addr().unwrap().port();
    let routes = Router::new().route("/", post(async || "thank you"));
    tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
    format!("https://localhost:{port}/")
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // A caller that does not like the certificate goes away.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn a_receiver_whose_certificate_has_expired_is_told_nothing(world: &World) {
    let authority = Authority::new();
    let trusted = world.write(&authority.certificate, "pem");
    let mut functions = String::new();
    for (name, last_year) in [("good", 2100), ("expired", 2001)] {
        let url = receiver(&authority, last_year).await;
        functions += &function(name, &format!("on_success = \"{url}\""));
    }
    let server = world
        .serve(Plan {
            functions,
            environment: vec![("SSL_CERT_FILE", trusted.to_str().unwrap().to_owned())],
            ..Plan::default()
        })
        .await;
    let client = &server.client;
    let named = [("x-fc-async-task-id", "one")];
    for name in ["good", "expired"] {
        client.post(&UNVERSIONED.invoke(name), &named, "").await;
    }
    let answered = |delivery: &Value| !delivery["answer"].is_null();
    let good = until_delivery(client, ("good", "one"), answered).await;
    assert_eq!(good["status"], "Succeeded", "{good:#}");
    let expired = until_delivery(client, ("expired", "one"), answered).await;
    assert_eq!(expired["status"], "Pending", "{expired:#}");
    let error = expired["answer"]["error"].as_str().unwrap();
    assert!(error.contains("expired"), "{error}");
}
