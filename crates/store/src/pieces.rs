//! Many rows in one statement of SQLite. What a statement does costs less there than the way to the
//! connection's thread and back.

use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

/// The most rows in one statement: all their values together stay below SQLite's 32,766.
const MOST: usize = 64;

/// Parts of `rows`, in order. There are few lengths, and so few different statements, each of which
/// is compiled once.
pub(crate) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let most = rows.len().min(MOST).checked_ilog2()?;
        let (piece, rest) = rows.split_at(1 << most);
        rows = rest;
        Some(piece)
    })
}

/// A statement about rows of these ids: `before`, the ids in parentheses, and `after`.
pub(crate) fn of_ids(
    before: &str,
    ids: impl IntoIterator<Item = Uuid>,
    after: &str,
) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new(before);
    sql.push(" (");
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id);
    }
    sql.push(") ").push(after);
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_everything_once_in_order_and_have_few_lengths() {
        for count in [0, 1, 2, 3, 63, 64, 65, 500] {
            let rows: Vec<usize> = (0..count).collect();
            let parts: Vec<&[usize]> = pieces(&rows).collect();
            assert_eq!(parts.concat(), rows);
            for part in parts {
                assert!(
                    part.len().is_power_of_two() && part.len() <= MOST,
                    "{part:?}"
                );
            }
        }
    }
}
