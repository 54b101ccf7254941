//! TLS: with the certificate that is on disk, and with the one that replaces it there.

use anyhow::{Context, bail};
use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
    server::TlsStream,
};

/// How often it is looked whether the files have changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Where the certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate, and those between it and its authority.
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Pair {
    cert: Vec<u8>,
    key: Vec<u8>,
}

/// The server's side of TLS.
pub(crate) struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// With what the files hold now.
    ///
    /// # Errors
    /// If they cannot be read, or are no certificate and its key.
    pub(crate) fn load(files: TlsFiles) -> anyhow::Result<Self> {
        let config = files.read()?.config().with_context(|| files.name())?;
        Ok(Self {
            files,
            config: RwLock::new(config),
        })
    }

    /// Shakes hands with a client.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config()).accept(stream).await
    }

    fn config(&self) -> Arc<ServerConfig> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&config)
    }

    /// Takes up what replaces the certificate on disk, for as long as this is waited for. One that is
    /// not good is told once, and changes nothing.
    pub(crate) async fn follow(&self) {
        let mut known = self.files.read().ok();
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            // Between two files that are replaced one after the other, there may be none, or not a pair.
            let Ok(found) = self.files.read() else {
                continue;
            };
            if known.as_ref() == Some(&found) {
                continue;
            }
            match found.config() {
                Ok(config) => {
                    *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
                    tracing::info!("serves with a new certificate");
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "the new certificate is not good; the old one stays");
                }
            }
            known = Some(found);
        }
    }
}

impl TlsFiles {
    fn read(&self) -> anyhow::Result<Pair> {
        let read = |path: &PathBuf| {
            fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(Pair {
            cert: read(&self.cert)?,
            key: read(&self.key)?,
        })
    }

    fn name(&self) -> String {
        format!(
            "{} (server.tls_cert) and {} (server.tls_key)",
            self.cert.display(),
            self.key.display()
        )
    }
}

impl Pair {
    fn config(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.cert)
            .collect::<Result<_, _>>()
            .context("the certificate is no PEM")?;
        if chain.is_empty() {
            bail!("there is no certificate in the PEM file");
        }
        // The parser's message names the kind of mistake, and quotes nothing.
        let key = PrivateKeyDer::from_pem_slice(&self.key).context("the key is no PEM")?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("they do not belong together, or are of no known kind")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
