//! A code package: checked and measured, never kept, as nothing here would run it.

use crate::{Problem, manage::Fields};
use base64::{Engine, engine::general_purpose::STANDARD};
use crc::{CRC_64_XZ, Crc};
use serde_json::{Map, Value};

const CHECKSUM: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

/// What is told of the code package that a request gives a function: its size and checksum. One
/// that lies in an object store cannot be measured.
pub(super) fn take(fields: &mut Fields) -> Result<Option<Map<String, Value>>, Problem> {
    let Some(mut code) = fields.object("code")? else {
        return Ok(None);
    };
    let package = match code.text("zipFile", usize::MAX)? {
        Some(text) => STANDARD.decode(text).map_err(|_| {
            // It is too long to be shown.
            Problem::invalid_argument("code.zipFile must be Base64")
        })?,
        None => Vec::new(),
    };
    let mut told = Map::new();
    told.insert("codeSize".to_owned(), package.len().into());
    let checksum = CHECKSUM.checksum(&package).to_string();
    told.insert("codeChecksum".to_owned(), checksum.into());
    Ok(Some(told))
}
