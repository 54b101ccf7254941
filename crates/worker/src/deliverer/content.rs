//! What a destination is told, in FC's form.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ekiden_domain::{
    Fault, FaultKind, FunctionName, Invocation, Record, Status, Timestamp, name::DEFAULT_SERVICE,
};
use serde_json::{Value, json};

/// The JSON that tells a destination of this invocation, which has ended. Payloads are strings: their
/// text, or Base64 where that is not UTF-8, which `requestPayloadEncoding` and
/// `responsePayloadEncoding` then say.
pub(super) fn of(record: &Record) -> Bytes {
    let invocation = &record.invocation;
    let fault = invocation.error.as_ref();
    let mut content = json!({
        "timestamp": invocation.ended_at().map_or(0, Timestamp::as_millis),
        "requestContext": {
            "requestId": invocation.request_id.to_string(),
            "functionArn": arn(&invocation.function),
            "condition": condition(invocation),
            "approximateInvokeCount": invocation.attempts,
        },
        "responseContext": {
            "statusCode": status_code(invocation, fault),
            "functionError": fault.filter(|fault| is_functions(fault)).map_or("", |it| &it.error),
        },
    });
    put(
        &mut content,
        "requestPayload",
        record.payload.as_deref().unwrap_or_default(),
    );
    match (&record.output, fault) {
        (Some(output), _) => put(&mut content, "responsePayload", output),
        (None, Some(fault)) => {
            let body = json!({ "errorType": fault.error, "errorMessage": fault.message });
            put(&mut content, "responsePayload", body.to_string().as_bytes());
        }
        (None, None) => put(&mut content, "responsePayload", b""),
    }
    content.to_string().into()
}

fn put(content: &mut Value, key: &str, bytes: &[u8]) {
    content[key] = match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            content[format!("{key}Encoding")] = "base64".into();
            STANDARD.encode(bytes).into()
        }
    };
}

fn arn(name: &FunctionName) -> String {
    let (service, function) = (name.service(), name.function());
    if service == DEFAULT_SERVICE {
        format!("acs:fc:::functions/{function}")
    } else {
        format!("acs:fc:::services/{service}/functions/{function}")
    }
}

/// Why it is told of: the error's type, or else the final status; empty for a success.
fn condition(invocation: &Invocation) -> &str {
    match (invocation.status(), &invocation.error) {
        (Status::Succeeded, _) => "",
        (Status::Failed | Status::Invalid, Some(fault)) => &fault.error,
        (status, _) => status.as_str(),
    }
}

fn is_functions(fault: &Fault) -> bool {
    fault.kind == FaultKind::Function
}

/// FC: 200 where the function answered, well or badly; anything else is a system error.
fn status_code(invocation: &Invocation, fault: Option<&Fault>) -> u16 {
    match fault {
        None if invocation.status() == Status::Succeeded => 200,
        Some(fault) if is_functions(fault) => 200,
        Some(Fault {
            http_status: Some(status),
            ..
        }) => *status,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ekiden_domain::{
        AsyncConfig, Lane, NewInvocation, Outcome, Qualifier, RequestId, WorkerId,
    };
    use std::time::Duration;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn ended(function: &str, outcome: Outcome) -> Invocation {
        let new = NewInvocation {
            function: function.parse().unwrap(),
            qualifier: Qualifier::latest(),
            version: Qualifier::latest(),
            invocation_id: None,
            delay: Duration::ZERO,
            stateful: true,
            hops: 0,
            trace: None,
        };
        let config = AsyncConfig {
            max_retries: 0,
            ..AsyncConfig::default()
        };
        let id = RequestId::generate(at(1));
        let accepted = Invocation::accept(id, new, &config, Lane::shared(), at(1)).0;
        let claimed = accepted.claim(WorkerId::generate(at(1)), at(2)).unwrap();
        let running = claimed.then(|it| it.start(Duration::from_secs(1), at(3)));
        running.unwrap().after.finish(outcome, at(9)).unwrap().after
    }

    fn told(invocation: Invocation, output: Option<&'static [u8]>) -> Value {
        let record = Record {
            invocation,
            payload: Some(Bytes::from_static(b"in")),
            output: output.map(Bytes::from_static),
            delivery: None,
        };
        serde_json::from_slice(&of(&record)).unwrap()
    }

    #[test]
    fn a_success_is_told_as_fc_tells_it() {
        let invocation = ended("media/thumb", Outcome::Succeeded);
        let id = invocation.request_id.to_string();
        assert_eq!(
            told(invocation, Some(b"out")),
            json!({
                "timestamp": 9,
                "requestContext": {
                    "requestId": id, "functionArn": "acs:fc:::services/media/functions/thumb",
                    "condition": "", "approximateInvokeCount": 1,
                },
                "requestPayload": "in",
                "responseContext": {"statusCode": 200, "functionError": ""},
                "responsePayload": "out",
            })
        );
    }

    #[test]
    fn a_failure_names_its_error_and_whose_it_was() {
        let fault = Fault::function("HandledInvocationError", "bad input");
        let function = told(ended("default/f", Outcome::Failed(fault)), None);
        assert_eq!(
            function["requestContext"]["functionArn"],
            "acs:fc:::functions/f"
        );
        assert_eq!(
            function["requestContext"]["condition"],
            "HandledInvocationError"
        );
        assert_eq!(function["responseContext"]["statusCode"], 200);
        assert_eq!(
            function["responseContext"]["functionError"],
            "HandledInvocationError"
        );
        let body: Value =
            serde_json::from_str(function["responsePayload"].as_str().unwrap()).unwrap();
        assert_eq!(body["errorMessage"], "bad input");
        let mut expired = ended("default/f", Outcome::Succeeded);
        expired.state = ekiden_domain::State::Ended {
            status: Status::Expired,
            ended_at: at(9),
        };
        let expired = told(expired, None);
        assert_eq!(expired["requestContext"]["condition"], "Expired");
        assert_eq!(expired["responseContext"]["statusCode"], 500);
        assert_eq!(expired["responseContext"]["functionError"], "");
    }

    #[test]
    fn bytes_that_are_no_text_are_base64_and_said_to_be() {
        let told = told(ended("default/f", Outcome::Succeeded), Some(b"\xff\x00"));
        assert_eq!(told["responsePayload"], "/wA=");
        assert_eq!(told["responsePayloadEncoding"], "base64");
        assert!(told.get("requestPayloadEncoding").is_none());
    }
}
