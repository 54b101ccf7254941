//! Receivers behind TLS, with certificates good and bad.

use super::{function, until_delivery};
use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World},
};
use axum::{Router, routing::post, serve::Listener};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

both_stacks! {
    a_receiver_whose_certificate_has_expired_is_told_nothing,
}

/// An authority that the platform is told to trust.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// A receiver with a certificate that is good until the end of this year; its URL.
    async fn receiver(&self, last_year: i32) -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = Tls {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new().route("/", post(async || "thank you"));
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        format!("https://localhost:{port}/")
    }
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
        let url = authority.receiver(last_year).await;
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
