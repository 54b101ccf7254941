//! A way to the broker that can be cut.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Listens on loopback and passes connections on to the broker, while it is open.
pub(crate) struct Proxy {
    port: u16,
    is_open: Arc<AtomicBool>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// `upstream` is `host:port`.
    pub(crate) async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_open = Arc::new(AtomicBool::new(true));
        let (cuts, cut) = watch::channel(0);
        let opened = Arc::clone(&is_open);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                if !opened.load(Ordering::SeqCst) {
                    continue;
                }
                let (upstream, mut cut) = (upstream.clone(), cut.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(upstream).await else {
                        return;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self {
            port,
            is_open,
            cuts,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Ends every connection, and each new one at once.
    pub(crate) fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        self.cut();
    }

    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }
}
