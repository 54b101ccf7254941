//! A way to a service that can be cut, fall silent, or be slow.

use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// The most bytes that are carried at once.
const PIECE: usize = 16 * 1024;

/// How the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As if nothing were there.
    Open,
    /// Every connection is cut, and nobody gets through.
    Closed,
    /// Connections are taken and kept, and nothing is carried: what was sent comes when it is open
    /// again.
    Silent,
    /// Each piece takes so much longer.
    Slow(Duration),
}

/// Listens on loopback before a service.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    /// How often all connections were abandoned.
    abandoned: watch::Sender<u32>,
}

impl Proxy {
    /// One before `target`, which is `host:port`.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn before(target: String, way: Way) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (way, now) = watch::channel(way);
        let (abandoned, times) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if *now.borrow() != Way::Closed {
                    let mut lives = times.clone();
                    lives.mark_unchanged();
                    tokio::spawn(carry(stream, target.clone(), now.clone(), lives));
                }
            }
        });
        Ok(Self {
            address,
            way,
            abandoned,
        })
    }

    /// Changes how the way is, for every connection.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// As if the machine behind it had vanished and another were in its place: nothing comes through the
    /// connections there are, ever, and they are not closed either; new ones are as they should be.
    pub fn abandon(&self) {
        self.abandoned.send_modify(|times| *times += 1);
    }
}

async fn carry(
    near: TcpStream,
    target: String,
    way: watch::Receiver<Way>,
    mut lives: watch::Receiver<u32>,
) {
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let mut closed = way.clone();
    let is_abandoned = tokio::select! {
        changed = lives.changed() => changed.is_ok(),
        _ = pass(&mut from_near, &mut to_far, way.clone()) => false,
        _ = pass(&mut from_far, &mut to_near, way) => false,
        _ = closed.wait_for(|way| *way == Way::Closed) => false,
    };
    if is_abandoned {
        // Both ends are held, and nothing is read.
        std::future::pending::<()>().await;
    }
}

/// Carries what comes until it ends.
async fn pass(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = from.read(&mut piece).await?;
        if count == 0 {
            return Ok(());
        }
        // Nobody is left to open it.
        let Ok(now) = way
            .wait_for(|way| *way != Way::Silent)
            .await
            .map(|now| *now)
        else {
            return Ok(());
        };
        if let Way::Slow(pause) = now {
            tokio::time::sleep(pause).await;
        }
        to.write_all(&piece[..count]).await?;
    }
}
