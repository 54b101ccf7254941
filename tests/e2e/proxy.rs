//! A way to a service that can be cut and restored.

use std::net::SocketAddr;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Listens before a service; while it is closed, it hangs up on everybody.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    is_open: watch::Sender<bool>,
}

impl Proxy {
    /// A closed one before `target`.
    pub(crate) async fn closed(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            is_open: watch::Sender::new(false),
        };
        let is_open = proxy.is_open.subscribe();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if *is_open.borrow() {
                    tokio::spawn(carry(stream, target.clone(), is_open.clone()));
                }
            }
        });
        proxy
    }

    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Cuts every connection, and lets no further one through.
    pub(crate) fn close(&self) {
        self.is_open.send_replace(false);
    }
}

async fn carry(mut stream: TcpStream, target: String, mut is_open: watch::Receiver<bool>) {
    let Ok(mut service) = TcpStream::connect(target).await else {
        return;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut stream, &mut service) => {}
        _ = is_open.wait_for(|is_open| !is_open) => {}
    }
}
