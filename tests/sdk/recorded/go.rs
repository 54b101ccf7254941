//! fc-go-sdk: an account id that may be empty is sent and signed all the same, the digest of a body is
//! hexadecimal, and a config always has its four keys.

use super::Form;

pub(super) const FORM: Form = Form {
    account: "",
    kind: "",
    own: "User-Agent: go-sdk-0.1\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n",
    nothing: "Content-Length: 0\r\n",
    hello: ("hello", "5d41402abc4b2a76b9719d911017c592"),
    hang: ("hang", "8aaf938064ccbc2f6989eb543beeaca5"),
    config: (
        r#"{"destinationConfig":null,"maxAsyncEventAgeInSeconds":600,"maxAsyncRetryAttempts":2,"statefulInvocation":true}"#,
        "e2949a5cbc7bba60df0b13d45e91ffec",
    ),
    unset: (
        r#"{"destinationConfig":null,"maxAsyncEventAgeInSeconds":null,"maxAsyncRetryAttempts":null,"statefulInvocation":null}"#,
        "09f80615faf37051cb6ba8f6ba74320b",
    ),
};
