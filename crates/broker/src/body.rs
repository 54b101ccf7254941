//! A message's body: request ids, 16 bytes each.

use crate::BrokerError;
use ekiden_domain::RequestId;
use std::sync::Arc;
use uuid::Uuid;

/// The most ids in one message.
pub const MAX_IDS: usize = 100;
const ID_BYTES: usize = 16;

/// Whether `count` ids fit into one message.
pub(crate) fn check_size(count: usize) -> Result<(), BrokerError> {
    if (1..=MAX_IDS).contains(&count) {
        Ok(())
    } else {
        Err(BrokerError::Size(count))
    }
}

/// The body that carries `ids`.
pub(crate) fn pack(ids: &[RequestId]) -> Vec<u8> {
    ids.iter().flat_map(|id| *id.as_uuid().as_bytes()).collect()
}

/// The ids that `body` carries, if it is a body of ours.
pub(crate) fn unpack(body: &[u8]) -> Option<Arc<[RequestId]>> {
    let (ids, rest) = body.as_chunks::<ID_BYTES>();
    let is_ours = rest.is_empty() && check_size(ids.len()).is_ok();
    is_ours.then(|| {
        ids.iter()
            .map(|id| RequestId::from_uuid(Uuid::from_bytes(*id)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn what_is_packed_is_unpacked_and_nothing_else() {
        let ids: Vec<_> = (0..MAX_IDS)
            .map(|n| RequestId::from_uuid(Uuid::from_u128(n as u128)))
            .collect();
        for count in 1..=MAX_IDS {
            assert_eq!(*unpack(&pack(&ids[..count])).unwrap(), ids[..count]);
        }
        for bad in [0, 1, 15, 17, 16 * (MAX_IDS + 1)] {
            assert!(unpack(&vec![0; bad]).is_none(), "{bad} bytes");
        }
    }

    proptest! {
        #[test]
        fn whatever_bytes_are_a_body_are_packed_so(
            ids in vec(any::<[u8; ID_BYTES]>(), 0..MAX_IDS + 2), rest in vec(any::<u8>(), 0..2),
        ) {
            let bytes = [ids.concat(), rest.clone()].concat();
            let unpacked = unpack(&bytes);
            let is_body = rest.is_empty() && (1..=MAX_IDS).contains(&ids.len());
            prop_assert_eq!(unpacked.is_some(), is_body);
            if let Some(ids) = unpacked {
                prop_assert_eq!(pack(&ids), bytes);
            }
        }
    }

    #[test]
    fn a_message_carries_one_to_a_hundred_ids() {
        for (count, fits) in [(0, false), (1, true), (MAX_IDS, true), (MAX_IDS + 1, false)] {
            assert_eq!(check_size(count).is_ok(), fits, "{count} ids");
        }
    }
}
