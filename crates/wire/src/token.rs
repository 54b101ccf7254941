//! `nextToken`: where the next page of a list begins, bound to the list it belongs to.
//!
//! Whatever a list's positions are, its tokens are sealed the same way: with a check over the
//! position and the list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ekiden_domain::{Invalid, ListQuery, Order, Position, RequestId, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The form's version: the first byte.
const VERSION: u8 = 1;
/// Enough to tell a cut, altered or foreign token. It keeps no secret: whoever forges one reads a
/// list that they may read anyway, from another place.
const CHECK_BYTES: usize = 8;

/// The token that stands for `position` in `list`, which is all that a list is asked for by.
#[must_use]
pub(crate) fn seal(list: &str, position: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(1 + position.len() + CHECK_BYTES);
    bytes.push(VERSION);
    bytes.extend(position);
    let check = check(list, &bytes);
    bytes.extend(check);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position in `list` that `token` stands for.
///
/// # Errors
/// If it was cut or altered, or made for another list.
pub(crate) fn open(list: &str, token: &str) -> Result<Vec<u8>, Invalid> {
    let opened = || {
        let mut said = URL_SAFE_NO_PAD.decode(token).ok()?;
        let given = said.split_off(said.len().checked_sub(CHECK_BYTES)?);
        let is_ours = said.first() == Some(&VERSION) && check(list, &said) == *given;
        is_ours.then(|| said.split_off(1))
    };
    opened().ok_or_else(|| refused(token))
}

/// That `token` is none for the list it came with.
pub(crate) fn refused(token: &str) -> Invalid {
    let allowed = "the nextToken of an answer to this very list, unaltered";
    Invalid::new("nextToken", token, allowed)
}

/// The token for the page of `query` that begins after `position`.
#[must_use]
pub fn encode(query: &ListQuery, position: Position) -> String {
    let mut bytes = Vec::with_capacity(8 + 16);
    bytes.extend(position.accepted_at.as_millis().to_be_bytes());
    bytes.extend(position.request_id.as_uuid().as_bytes());
    seal(&described(query), &bytes)
}

/// The position that `token` stands for, if it was made for `query`. The page's size and whether it
/// has payloads may differ from page to page.
///
/// # Errors
/// If it was cut or altered, or made for another list.
pub fn decode(query: &ListQuery, token: &str) -> Result<Position, Invalid> {
    let said = open(&described(query), token)?;
    let position = || {
        let (at, id) = said.split_at_checked(8)?;
        Some(Position {
            accepted_at: Timestamp::from_millis(i64::from_be_bytes(at.try_into().ok()?)),
            request_id: RequestId::from_uuid(Uuid::from_slice(id).ok()?),
        })
    };
    position().ok_or_else(|| refused(token))
}

fn described(query: &ListQuery) -> String {
    let time = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
    let list = serde_json::json!([
        query.function.as_str(),
        query.qualifier,
        query.prefix,
        query.status,
        time(query.accepted_from),
        time(query.accepted_until),
        query.order == Order::Ascending,
    ]);
    list.to_string()
}

fn check(list: &str, said: &[u8]) -> [u8; CHECK_BYTES] {
    let mut digest = Sha256::new();
    digest.update(said);
    digest.update(list);
    let digest = digest.finalize();
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&digest[..CHECK_BYTES]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use ekiden_domain::Status;
    use proptest::prelude::*;

    fn query() -> ListQuery {
        ListQuery::new("s/f".parse().unwrap(), 10).unwrap()
    }

    prop_compose! {
        fn positions()(at in any::<i64>(), id in any::<u128>()) -> Position {
            Position {
                accepted_at: Timestamp::from_millis(at),
                request_id: RequestId::from_uuid(Uuid::from_u128(id)),
            }
        }
    }

    proptest! {
        #[test]
        fn a_token_comes_back_as_its_position(position in positions()) {
            let token = encode(&query(), position);
            prop_assert_eq!(decode(&query(), &token), Ok(position));
        }

        #[test]
        fn a_cut_or_altered_token_is_refused(
            position in positions(), at in 0_usize..44, letter in "[A-Za-z0-9_-]",
        ) {
            let token = encode(&query(), position);
            prop_assert_eq!(token.len(), 44);
            prop_assert!(decode(&query(), &token[..at]).is_err());
            let mut altered = token.clone();
            altered.replace_range(at..=at, &letter);
            prop_assert_eq!(decode(&query(), &altered).is_ok(), altered == token);
        }
    }

    #[test]
    fn a_token_serves_its_own_list_only_whatever_the_page() {
        let position = Position {
            accepted_at: Timestamp::from_millis(1),
            request_id: RequestId::from_uuid(Uuid::nil()),
        };
        let token = encode(&query(), position);
        let mut same = query();
        (same.limit, same.include_payload) = (100, true);
        assert_eq!(decode(&same, &token), Ok(position));
        let alter: [fn(&mut ListQuery); 7] = [
            |query| query.function = "s/g".parse().unwrap(),
            |query| query.qualifier = Some("LATEST".parse().unwrap()),
            |query| query.prefix = Some("a".to_owned()),
            |query| query.status = Some(Status::Failed),
            |query| query.accepted_from = Some(Timestamp::from_millis(1)),
            |query| query.accepted_until = Some(Timestamp::from_millis(1)),
            |query| query.order = Order::Ascending,
        ];
        for alter in alter {
            let mut foreign = query();
            alter(&mut foreign);
            assert!(decode(&foreign, &token).is_err(), "{foreign:?}");
        }
        for nonsense in ["", "!", "MTIzNCNhYmM="] {
            assert!(decode(&query(), nonsense).is_err());
        }
    }
}
