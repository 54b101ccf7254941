//! fc-java-sdk: a content type stands, and is signed, where there is no content; a config names its
//! function once more, and says in any case whether invocations are tasks. Headers as
//! `HttpURLConnection` sends them.

use super::Form;

pub(super) const FORM: Form = Form {
    account: "1",
    kind: "application/json",
    own: "Accept: application/json\r\nUser-Agent: java-sdk-1.8.32\r\nCache-Control: no-cache\r\n\
          Pragma: no-cache\r\nConnection: keep-alive\r\n",
    nothing: "",
    hello: ("hello", "XUFAKrxLKna5cZ2REBfFkg=="),
    hang: ("hang", "iq+TgGTMvC9pietUO+6spQ=="),
    config: (
        r#"{"service":"examples","function":"echo","qualifier":"LATEST","maxAsyncEventAgeInSeconds":600,"maxAsyncRetryAttempts":2,"statefulInvocation":true}"#,
        "tmInaRVN5OesKKxlaToqmg==",
    ),
    unset: (
        r#"{"service":"examples","function":"echo","qualifier":"LATEST","statefulInvocation":true}"#,
        "WfumuYlv4Dq6eZdQJzdNMg==",
    ),
};
