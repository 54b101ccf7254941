//! Text from outside, made fit for every store, log and page.

/// `text` without NUL (which PostgreSQL cannot hold), cut to at most `max` bytes at a character's
/// edge, with "…" at the end where something was cut off (`max` of at least 3).
#[must_use]
pub fn clean(text: &str, max: usize) -> String {
    let clean = text.replace('\0', "\u{FFFD}");
    if clean.len() <= max {
        return clean;
    }
    let mut end = max.saturating_sub('…'.len_utf8());
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &clean[..end])
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn nul_is_replaced_and_length_is_bounded_at_a_character() {
        assert_eq!(clean("a\0b", 10), "a\u{FFFD}b");
        assert_eq!(clean("日本語日本語", 10), "日本…");
        assert_eq!(clean("short", 5), "short");
        assert!(clean(&"\0".repeat(100), 16).len() <= 16);
    }
}
