//! The trace that an invocation is part of, in the words of the W3C's Trace Context.

use std::sync::Arc;

/// The most bytes of a `tracestate` that are carried (W3C: at least 512).
pub const MAX_STATE: usize = 512;
/// The most members of a `tracestate` (W3C).
const MAX_MEMBERS: usize = 32;
/// The length of a `traceparent` of version 00.
const PARENT: usize = 55;
/// The flags that version 00 knows: sampled, and that the trace's id is random.
const FLAGS: u8 = 0b11;

/// Where a trace goes on: a `traceparent` of version 00, and a `tracestate` where there is one. It is
/// one text, fit for any store and header. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext(Arc<str>);

impl TraceContext {
    /// What the two fields say; `None`, as the W3C has it, if `traceparent` is not valid. A
    /// `tracestate` (empty if there is none) that is not valid is left out, and of one that is too long
    /// the members at its end.
    #[must_use]
    pub fn new(traceparent: &str, tracestate: &str) -> Option<Self> {
        let mut text = parent(traceparent)?;
        if let Some(state) = state(tracestate) {
            text = text + " " + &state;
        }
        Some(Self(text.into()))
    }

    /// What [`TraceContext::as_str`] gave.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (parent, state) = text.split_once(' ').unwrap_or((text, ""));
        Self::new(parent, state)
    }

    /// Both fields as one text: visible ASCII and spaces, less than 600 bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `traceparent`.
    #[must_use]
    pub fn parent(&self) -> &str {
        &self.0[..PARENT]
    }

    /// The `tracestate`; empty if there is none.
    #[must_use]
    pub fn state(&self) -> &str {
        self.0.get(PARENT + 1..).unwrap_or_default()
    }

    /// The fields that there are, by their names.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [("traceparent", self.parent()), ("tracestate", self.state())];
        fields.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

/// The `traceparent` of version 00 that says the same, if it is valid.
fn parent(text: &str) -> Option<String> {
    let (known, further) = text.trim().split_at_checked(PARENT)?;
    let mut fields = known.split('-');
    let mut field = |length| {
        let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_right = |field: &&str| field.len() == length && field.bytes().all(is_hex);
        fields.next().filter(is_right)
    };
    let (version, trace, span, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
    let is_zero = |field: &str| field.bytes().all(|byte| byte == b'0');
    // Later versions may only add fields at the end.
    let is_known = match version {
        "00" => further.is_empty(),
        "ff" => false,
        _ => further.is_empty() || further.starts_with('-'),
    };
    if !is_known || is_zero(trace) || is_zero(span) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()? & FLAGS;
    Some(format!("00-{trace}-{span}-{flags:02x}"))
}

/// The members of `text` that fit, if all of them are of the right form and there is any.
fn state(text: &str) -> Option<String> {
    let members = text
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']));
    let mut kept = String::new();
    for member in members
        .filter(|member| !member.is_empty())
        .take(MAX_MEMBERS)
    {
        let is_visible = member.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_visible || !member.contains('=') {
            return None;
        }
        if kept.len() + 1 + member.len() > MAX_STATE {
            break;
        }
        if !kept.is_empty() {
            kept.push(',');
        }
        kept.push_str(member);
    }
    Some(kept).filter(|kept| !kept.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT_TEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_parent_is_carried_as_version_00() {
        for (came, carried) in [
            (PARENT_TEXT.to_owned(), PARENT_TEXT),
            (format!(" {PARENT_TEXT} "), PARENT_TEXT),
            (PARENT_TEXT.replacen("00", "01", 1), PARENT_TEXT),
            (PARENT_TEXT.replacen("00", "cc", 1) + "-more", PARENT_TEXT),
            (
                PARENT_TEXT.replace("-01", "-fe"),
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02",
            ),
        ] {
            let context = TraceContext::new(&came, "").unwrap();
            assert_eq!(context.parent(), carried, "{came}");
            assert_eq!(context.fields().count(), 1);
            assert_eq!(TraceContext::parse(context.as_str()), Some(context));
        }
    }

    #[test]
    fn any_other_parent_is_ignored() {
        for bad in [
            "",
            "00",
            "\0",
            &PARENT_TEXT[..54],
            &PARENT_TEXT.to_uppercase(),
            &PARENT_TEXT.replacen("00", "ff", 1),
            &(PARENT_TEXT.to_owned() + "-more"),
            &(PARENT_TEXT.replacen("00", "01", 1) + "more"),
            &PARENT_TEXT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &PARENT_TEXT.replace("b7ad6b7169203331", &"0".repeat(16)),
            &PARENT_TEXT.replace("b7ad6b7169203331", "b7ad6b716920333é"),
            &PARENT_TEXT.replace("b7ad6b7169203331", "b7ad6b716920333\0"),
            &PARENT_TEXT.replace("-b7ad", "_b7ad"),
        ] {
            assert_eq!(TraceContext::new(bad, "a=b"), None, "{bad:?}");
        }
    }

    #[test]
    fn a_state_is_bounded_and_a_bad_one_left_out() {
        let state = |text: &str| {
            TraceContext::new(PARENT_TEXT, text)
                .unwrap()
                .state()
                .to_owned()
        };
        assert_eq!(state("a=1, b@c=2 ,,\td=x y"), "a=1,b@c=2,d=x y");
        for bad in ["", " , ", "a", "a=\0", "a=1,b", "a=é", "a=\u{7f}"] {
            assert_eq!(state(bad), "", "{bad:?}");
        }
        let members = |count: usize| vec!["a=1"; count].join(",");
        assert_eq!(state(&members(40)), members(MAX_MEMBERS));
        let long = format!("a={}", "x".repeat(300));
        assert_eq!(state(&format!("{long},{long},b=1")), long);
        let context = TraceContext::new(PARENT_TEXT, "a=x y,b=2").unwrap();
        let fields: Vec<_> = context.fields().collect();
        assert_eq!(
            fields,
            [("traceparent", PARENT_TEXT), ("tracestate", "a=x y,b=2")]
        );
        assert_eq!(TraceContext::parse(context.as_str()), Some(context));
    }
}
