//! Writes a request as its form has it, and reads the answer.

use super::{Body, Form};
use crate::stage::{KEY, Stage};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use reqwest::Method;
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const FUNCTION: &str = "/2016-08-15/services/examples/functions/echo";

/// The way to a platform.
pub(super) struct Caller<'a> {
    pub(super) stage: &'a Stage,
    pub(super) form: &'a Form,
}

/// A request of the function's.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// The body, and its content type.
    pub(super) body: Option<(Body, &'a str)>,
}

impl<'a> Asked<'a> {
    pub(super) const fn new(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            query: "",
            headers: &[],
            body: None,
        }
    }
}

impl Caller<'_> {
    pub(super) async fn get(&self, path: &str, query: &str) -> (u16, Value) {
        let asked = Asked::new(Method::GET, path);
        self.ask(Asked { query, ..asked }).await
    }

    /// The status of the answer, and its JSON; null where it has none.
    pub(super) async fn ask(&self, asked: Asked<'_>) -> (u16, Value) {
        let address = self.stage.endpoint.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = self.write(&asked, address);
        stream.write_all(request.as_bytes()).await.unwrap();
        read(BufReader::new(stream)).await
    }

    fn write(&self, asked: &Asked<'_>, address: &str) -> String {
        let (form, method) = (self.form, &asked.method);
        let path = format!("{FUNCTION}{}", asked.path);
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
        let date = date.unwrap();
        let ((body, md5), kind) = asked.body.unwrap_or((("", ""), form.kind));
        let mut fc = [&[("X-Fc-Account-Id", form.account)], asked.headers].concat();
        fc.sort_unstable();
        let canonical: String = fc
            .iter()
            .map(|(name, value)| format!("{}:{value}\n", name.to_ascii_lowercase()))
            .collect();
        let signed = format!("{method}\n{md5}\n{kind}\n{date}\n{canonical}{path}");
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY.1.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());

        let mut head = format!(
            "{method} {path}{query} HTTP/1.1\r\nHost: {address}\r\n{own}Date: {date}\r\n\
             Authorization: FC {id}:{signature}\r\n",
            query = asked.query,
            own = form.own,
            id = KEY.0,
        );
        let mut add = |name, value| head.push_str(&format!("{name}: {value}\r\n"));
        for (name, value) in fc {
            add(name, value);
        }
        if !kind.is_empty() {
            add("Content-Type", kind);
        }
        if asked.body.is_some() {
            add("Content-MD5", md5);
            add("Content-Length", &body.len().to_string());
        } else if *method == Method::PUT {
            head.push_str(form.nothing);
        }
        format!("{head}\r\n{body}")
    }
}

async fn read(mut stream: BufReader<TcpStream>) -> (u16, Value) {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
    let header = |name: &str| {
        let named = head.iter().filter_map(|line| line.split_once(": "));
        named
            .into_iter()
            .find(|(it, _)| *it == name)
            .map(|(_, value)| value)
    };
    // The Java SDK finds headers only in the spelling that FC gives them.
    assert!(header("X-Fc-Request-Id").is_some(), "{head:#?}");
    let length = header("Content-Length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}
