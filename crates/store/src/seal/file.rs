//! The seal key beside an SQLite file, so that there is one where none is configured.

use super::{KEY, SealKey};
use crate::StoreError;
use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{Key, aead::Generate};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{self, Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Where the key of the SQLite file `database` is kept.
fn beside(database: &Path) -> PathBuf {
    database.with_added_extension("seal-key")
}

/// The key, if there is one.
pub(super) fn read(database: &Path) -> Result<Option<SealKey>, StoreError> {
    let path = beside(database);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(&path, &error)),
    };
    let key = text.trim_end().parse();
    key.map(Some).map_err(|error| unusable(&path, &error))
}

/// Makes the key, which only the file's owner can read. One that is there already is not replaced.
pub(super) fn make(database: &Path) -> Result<SealKey, StoreError> {
    let path = beside(database);
    let key: [u8; KEY] = Key::generate().into();
    write(&path, &STANDARD.encode(key)).map_err(|error| unusable(&path, &error))?;
    Ok(SealKey(key))
}

/// Writes the whole file or none, and for good: what was sealed with a key that a power failure took
/// would be lost.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = path::absolute(path)?;
    let directory = path.parent().unwrap_or(&path);
    let mut file = NamedTempFile::new_in(directory)?;
    writeln!(file, "{text}")?;
    file.as_file().sync_all()?;
    file.persist_noclobber(&path)?;
    File::open(directory)?.sync_all()
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::SealKey(format!(
        "the seal key {} is not usable: {error}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("ekiden.db");
        assert_eq!(read(&database).unwrap(), None);
        let made = make(&database).unwrap();
        assert_eq!(read(&database).unwrap(), Some(made.clone()));
        let path = directory.path().join("ekiden.db.seal-key");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(make(&database).is_err(), "another would lose the first");
        assert_eq!(read(&database).unwrap(), Some(made));
        let files = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(files, 1, "nothing else is left there");
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("ekiden.db");
        fs::write(beside(&database), "short").unwrap();
        let refused = read(&database).unwrap_err().to_string();
        assert!(refused.contains("ekiden.db.seal-key"), "{refused}");
        assert!(refused.contains("the Base64 of 32 bytes"), "{refused}");
        assert!(!refused.contains("short"), "{refused}");
        // What is there and cannot be read is not taken for missing.
        fs::remove_file(beside(&database)).unwrap();
        fs::create_dir(beside(&database)).unwrap();
        assert!(read(&database).is_err());
    }
}
