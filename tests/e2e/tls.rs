//! Connections that nobody on the way can read: to the API, to PostgreSQL, and to RabbitMQ.

use crate::{
    authority::{Authority, Issued},
    world::{Plan, SOON, World, embedded, production, until},
};
use reqwest::Certificate;
use std::{fs, path::Path};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

const LAST_YEAR: i32 = 2100;

/// What a client that trusts this authority alone is answered.
async fn get(authority: &Authority, url: &str) -> reqwest::Result<u16> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let trusted = Certificate::from_pem(authority.certificate.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(SOON)
        .tls_certs_only([trusted])
        .build()?;
    Ok(client.get(url).send().await?.status().as_u16())
}

/// Puts a certificate and its key where the server looks for them.
fn put(directory: &Path, issued: &Issued) {
    fs::write(directory.join("cert.pem"), &issued.certificate).unwrap();
    fs::write(directory.join("key.pem"), &issued.key).unwrap();
}

fn with_tls() -> Plan {
    Plan {
        settings: "[server]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n".to_owned(),
        ..Plan::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_served_with_the_certificate_that_is_there() {
    embedded(async |world: &World| {
        let [first, second] = [Authority::new(), Authority::new()];
        put(world.path(), &first.issue(LAST_YEAR));
        let server = world.start(with_tls()).await;
        let endpoint = format!("https://localhost:{}", server.address.port());
        let url = format!("{endpoint}/readyz");
        until("the server to be ready", async || {
            (get(&first, &url).await.unwrap() == 200).then_some(())
        })
        .await;
        assert!(get(&second, &url).await.unwrap_err().is_connect());
        // Ekiden's own client, which trusts what the system does.
        let trusted = world.write(&first.certificate, "pem");
        let mut list = world.ekiden(&["list", "default/f", "--endpoint", &endpoint, "--json"]);
        list.env("SSL_CERT_FILE", trusted);
        let said = crate::world::Said::of(list).await;
        assert_eq!(said.code, 0, "{said:?}");
        // The selftest calls nobody by that name.
        let said = world.run(&["selftest"]).await;
        assert_eq!(said.code, 0, "{said:?}");
        // One that is not good changes nothing; one that is, does.
        fs::write(world.path().join("cert.pem"), "nothing").unwrap();
        until("the bad certificate to be told", async || {
            server.log().contains("is not good").then_some(())
        })
        .await;
        assert_eq!(get(&first, &url).await.unwrap(), 200);
        put(world.path(), &second.issue(LAST_YEAR));
        until("the new certificate", async || {
            get(&second, &url).await.ok()
        })
        .await;
        assert!(get(&first, &url).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_none_is_refused_at_the_start() {
    embedded(async |world: &World| {
        let authority = Authority::new();
        let [one, other] = [LAST_YEAR; 2].map(|year| authority.issue(year));
        let cases = [
            (None, "cannot read cert.pem"),
            (Some(("", &*one.key)), "no certificate"),
            (Some((&*one.certificate, "")), "the key is no PEM"),
            (
                Some((&*one.certificate, &*other.key)),
                "do not belong together",
            ),
        ];
        for (files, says) in cases {
            if let Some((certificate, key)) = files {
                let (certificate, key) = (certificate.to_owned(), key.to_owned());
                put(world.path(), &Issued { certificate, key });
            }
            let said = world.serve_to_its_end(with_tls()).await;
            assert_eq!(said.code, 1, "{said:?}");
            assert!(said.err.contains(says), "{says}: {said:?}");
        }
    })
    .await;
}

/// What a client says before it shakes hands.
#[derive(Clone, Copy)]
enum Preface {
    /// Nothing, as AMQP has it.
    None,
    /// PostgreSQL's `SSLRequest`, which is answered with an `S`.
    Postgres,
}

/// Speaks TLS for the service at the address of this URL; the same URL, but for the port, which leads
/// through it.
async fn before(service: &str, authority: &Authority, preface: Preface) -> reqwest::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut url: reqwest::Url = service.parse().unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    url.set_host(Some("localhost")).unwrap();
    let port = listener.local_addr().unwrap().port();
    url.set_port(Some(port)).unwrap();
    let acceptor = authority.acceptor(LAST_YEAR);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                if let Preface::Postgres = preface {
                    let mut asked = [0; 8];
                    stream.read_exact(&mut asked).await.unwrap();
                    assert_eq!(asked, [0, 0, 0, 8, 4, 210, 22, 47], "no SSLRequest");
                    stream.write_all(b"S").await.unwrap();
                }
                // Who does not trust the certificate goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut service = TcpStream::connect(target).await.unwrap();
                drop(copy_bidirectional(&mut stream, &mut service).await);
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_and_the_broker_are_reached_by_tls_where_they_are_trusted() {
    production(async |world: &World| {
        let [authority, other] = [Authority::new(), Authority::new()];
        let good = world.write(&authority.certificate, "pem");
        let bad = world.write(&other.certificate, "pem");
        let database = before(&world.database_url, &authority, Preface::Postgres).await;
        let (broker, _) = world.broker.as_ref().unwrap();
        let broker = before(broker, &authority, Preface::None).await;
        let plan = |database_trusts: &Path, broker_trusts: &Path| {
            let mut database = database.clone();
            database
                .query_pairs_mut()
                .append_pair("sslmode", "verify-full")
                .append_pair("sslrootcert", database_trusts.to_str().unwrap());
            let amqps = broker.as_str().replacen("amqp:", "amqps:", 1);
            Plan {
                environment: vec![
                    ("DATABASE_URL", database.into()),
                    ("AMQP_URL", amqps),
                    ("SSL_CERT_FILE", broker_trusts.to_str().unwrap().to_owned()),
                ],
                ..Plan::default()
            }
        };
        let server = world.serve(plan(&good, &good)).await;
        let accepted = server
            .client
            .post(&crate::spelling::UNVERSIONED.invoke("f"), &[], "")
            .await;
        crate::world::until_status(&server.client, accepted.request_id(), "Succeeded").await;
        drop(server);
        for plan in [plan(&bad, &good), plan(&good, &bad)] {
            let server = world.start(plan).await;
            until("the reason to be told", async || {
                let log = server.log();
                log.contains("invalid peer certificate").then_some(())
            })
            .await;
            assert_eq!(server.client.get("/readyz").await.status, 503);
        }
    })
    .await;
}
