//! What stands for a secret in the database, so that who reads the database does not know it.
//!
//! XChaCha20-Poly1305, with a nonce by chance for each time and the key's id as associated data: what was
//! sealed for one access key opens for no other.

mod file;

use crate::{Database, StoreConfig, StoreError};
use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use ekiden_domain::{Invalid, Secret};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How many bytes a key has.
const KEY: usize = 32;
/// How many bytes a nonce has.
const NONCE: usize = 24;
/// What a key's text must be.
const ALLOWED: &str = "the Base64 of 32 bytes";
/// What a sealed secret begins with. A plain one, of letters and digits alone, never does.
const PREFIX: &str = "sealed:";

/// A key that secrets are sealed with. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey([u8; KEY]);

impl SealKey {
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

impl FromStr for SealKey {
    type Err = Invalid;

    /// Base64 of 32 bytes, as `openssl rand -base64 32` gives it.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let key = STANDARD
            .decode(text)
            .ok()
            .and_then(|key| key.try_into().ok());
        // The value is a secret even if it is no good one.
        key.map(Self)
            .ok_or_else(|| Invalid::new("a seal key", "(hidden)", ALLOWED))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

/// How a secret stands in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seal {
    /// As it is: by a version that sealed only where it was told to.
    Plain,
    /// Sealed with the key that seals now.
    Sealed,
    /// Sealed with one of the other keys.
    Old,
    /// Sealed with a key that is not at hand: it cannot be used.
    Lost,
}

impl Seal {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Sealed => "sealed",
            Self::Old => "old",
            Self::Lost => "lost",
        }
    }
}

/// The keys at hand; the first seals.
#[derive(Clone, Debug)]
pub(crate) struct Seals(Vec<SealKey>);

impl Seals {
    /// Those of the configuration. With SQLite the one beside the file comes after them; it is made
    /// where there is none at all.
    ///
    /// # Errors
    /// [`StoreError::SealKey`] if the one beside the file cannot be read or made.
    pub(crate) fn at_hand(config: &StoreConfig) -> Result<Self, StoreError> {
        let mut keys = config.seal_keys.clone();
        if let Database::Sqlite { path } = &config.database {
            keys.extend(file::read(path)?);
            if keys.is_empty() {
                keys.push(file::make(path)?);
            }
        }
        Ok(Self(keys))
    }

    /// Whether there is a key to seal with.
    pub(crate) const fn can_seal(&self) -> bool {
        !self.0.is_empty()
    }

    /// What is kept of the secret of the access key `id`.
    ///
    /// # Errors
    /// [`StoreError::SealKey`] if there is no key to seal with.
    pub(crate) fn seal(&self, id: &str, secret: &Secret) -> Result<String, StoreError> {
        let Some(key) = self.0.first() else {
            let message = "there is no key to seal the secret with";
            return Err(StoreError::SealKey(message.to_owned()));
        };
        let nonce = XNonce::generate();
        let payload = Payload {
            msg: secret.expose().as_bytes(),
            aad: id.as_bytes(),
        };
        let sealed = key.cipher().encrypt(&nonce, payload).unwrap_or_else(|_| {
            // The cipher refuses 256 GiB and more.
            unreachable!("a secret is short enough to be sealed")
        });
        Ok(format!(
            "{PREFIX}{}",
            STANDARD.encode([&nonce[..], &sealed].concat())
        ))
    }

    /// The secret of the access key `id`, if what is `kept` of it can be read, and how it was kept.
    pub(crate) fn open(&self, id: &str, kept: &str) -> (Option<Secret>, Seal) {
        let Some(sealed) = kept.strip_prefix(PREFIX) else {
            return (Some(Secret::new(kept)), Seal::Plain);
        };
        let sealed = STANDARD.decode(sealed).unwrap_or_default();
        let opened = self.0.iter().map(|key| key.open(id, &sealed));
        match opened
            .enumerate()
            .find_map(|(at, secret)| Some((at, secret?)))
        {
            Some((0, secret)) => (Some(secret), Seal::Sealed),
            Some((_, secret)) => (Some(secret), Seal::Old),
            None => (None, Seal::Lost),
        }
    }
}

impl SealKey {
    fn open(&self, id: &str, sealed: &[u8]) -> Option<Secret> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        let payload = Payload {
            msg: sealed,
            aad: id.as_bytes(),
        };
        let secret = self.cipher().decrypt(&nonce, payload).ok()?;
        String::from_utf8(secret).ok().map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Seals {
        let key = |byte: &u8| STANDARD.encode([*byte; KEY]).parse().unwrap();
        Seals(bytes.iter().map(key).collect())
    }

    #[test]
    fn a_sealed_secret_opens_with_its_key_for_its_id_alone() {
        let secret = Secret::new("hidden");
        let kept = keys(&[1]).seal("ci", &secret).unwrap();
        assert!(
            kept.starts_with(PREFIX) && !kept.contains("hidden"),
            "{kept}"
        );
        assert_ne!(
            kept,
            keys(&[1]).seal("ci", &secret).unwrap(),
            "each has a nonce of its own"
        );
        for (seals, id, seal) in [
            (keys(&[1]), "ci", Seal::Sealed),
            (keys(&[1, 2]), "ci", Seal::Sealed),
            (keys(&[2, 1]), "ci", Seal::Old),
            (keys(&[2]), "ci", Seal::Lost),
            (keys(&[]), "ci", Seal::Lost),
            (keys(&[1]), "another", Seal::Lost),
        ] {
            let expected = (seal != Seal::Lost).then(|| secret.clone());
            assert_eq!(seals.open(id, &kept), (expected, seal));
        }
    }

    #[test]
    fn people_and_programs_are_told_the_same_word() {
        for seal in [Seal::Plain, Seal::Sealed, Seal::Old, Seal::Lost] {
            assert_eq!(serde_json::to_value(seal).unwrap(), seal.as_str());
        }
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let seals = keys(&[1]);
        let kept = seals.seal("ci", &Secret::new("hidden")).unwrap();
        let sealed = STANDARD.decode(kept.strip_prefix(PREFIX).unwrap()).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            let changed = format!("{PREFIX}{}", STANDARD.encode(changed));
            assert_eq!(seals.open("ci", &changed), (None, Seal::Lost), "{at}");
        }
        for bad in ["sealed:", "sealed:!", "sealed:AAAA"] {
            assert_eq!(seals.open("ci", bad), (None, Seal::Lost), "{bad}");
        }
    }

    #[test]
    fn without_a_key_nothing_is_sealed_and_what_is_plain_is_read() {
        let secret = Secret::new("hidden");
        let refused = keys(&[]).seal("ci", &secret);
        assert!(
            matches!(refused, Err(StoreError::SealKey(_))),
            "{refused:?}"
        );
        for seals in [keys(&[]), keys(&[1])] {
            let expected = (Some(secret.clone()), Seal::Plain);
            assert_eq!(seals.open("ci", "hidden"), expected);
        }
    }

    #[test]
    fn only_beside_an_sqlite_file_a_key_is_made_and_only_if_there_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ekiden.db");
        let at_hand = |database, keys: Seals| {
            let mut config = StoreConfig::new(database);
            config.seal_keys = keys.0;
            Seals::at_hand(&config).unwrap().0
        };
        let url = "postgres://localhost".to_owned();
        assert_eq!(at_hand(Database::Postgres { url }, keys(&[])), []);

        let sqlite = |keys| at_hand(Database::Sqlite { path: path.clone() }, keys);
        assert_eq!(sqlite(keys(&[1])), keys(&[1]).0);
        let made = sqlite(keys(&[]));
        assert_eq!(made.len(), 1);
        assert_eq!(sqlite(keys(&[])), made);
        assert_eq!(sqlite(keys(&[1])), [keys(&[1]).0, made].concat());
    }

    #[test]
    fn a_key_is_32_bytes_and_is_not_shown() {
        for bad in [
            "",
            "secret",
            &STANDARD.encode([7; 31]),
            &STANDARD.encode([7; 33]),
        ] {
            let refused = bad.parse::<SealKey>().unwrap_err().to_string();
            assert!(refused.contains(ALLOWED), "{refused}");
            assert!(bad.is_empty() || !refused.contains(bad), "{refused}");
        }
        assert_eq!(format!("{:?}", keys(&[7])), "Seals([SealKey])");
    }
}
