//! Small words of a grammar of their own.

use ekiden_domain::{
    Destination, FunctionName, InvocationId, Lane, Qualifier, Status, TraceContext,
    trace::MAX_STATE,
};
use ekiden_reach::Allowed;
use std::{fmt::Debug, str::FromStr};

/// What is taken of a trace is bounded, fit for a header, and the same when it is read again.
pub(crate) fn trace(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (parent, state) = text.split_once('\n').unwrap_or((&text, ""));
    for context in [TraceContext::new(parent, state), TraceContext::parse(&text)]
        .into_iter()
        .flatten()
    {
        let kept = context.as_str();
        assert!(
            kept.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{kept}"
        );
        assert_eq!(context.parent().len(), 55);
        assert!(context.state().len() <= MAX_STATE);
        assert_eq!(
            TraceContext::new(context.parent(), context.state()).as_ref(),
            Some(&context)
        );
        assert_eq!(TraceContext::parse(kept).as_ref(), Some(&context));
    }
}

/// A word that is taken is spelled as it was given, and taken again.
pub(crate) fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    survives::<FunctionName>(text, FunctionName::as_str, 200);
    survives::<InvocationId>(text, InvocationId::as_str, 128);
    survives::<Qualifier>(text, Qualifier::as_str, 128);
    survives::<Lane>(text, Lane::as_str, 200);
    survives::<Destination>(text, Destination::as_str, 2048);
    if let Ok(status) = text.parse::<Status>() {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    // It is short, or it was refused in a few words.
    if let Err(refused) = text.parse::<Allowed>() {
        assert!(refused.to_string().len() < 512, "{refused}");
    }
}

fn survives<T>(text: &str, shown: impl Fn(&T) -> &str, most: usize)
where
    T: FromStr + Debug + PartialEq,
    T::Err: Debug + ToString,
{
    match text.parse::<T>() {
        Ok(taken) => {
            assert_eq!(shown(&taken), text);
            assert!(text.len() <= most, "{text}");
            assert!(!text.contains('\0'), "{text:?}");
        }
        Err(refused) => assert!(refused.to_string().len() < 1024),
    }
}
