use super::*;
use ekiden_domain::Origin;
use serde_json::json;

/// Checks that `create` needs the members that `T` says, and no others.
fn check_required<T: FromFields>(least: &Value, create: impl Fn(&T) -> Result<(), Problem>) {
    let made = |body: &Value| {
        let fields = Fields::parse(body.to_string().as_bytes());
        fields
            .and_then(T::from_fields)
            .and_then(|body| create(&body))
    };
    let members = least.as_object().unwrap();
    assert_eq!(members.keys().collect::<Vec<_>>(), T::REQUIRED);
    assert_eq!(made(least), Ok(()));
    for name in T::REQUIRED {
        let mut less = members.clone();
        less.remove(*name);
        assert_eq!(made(&less.into()), Err(Problem::required(name)));
    }
}

#[test]
fn what_is_said_to_be_required_is() {
    check_required::<alias::AliasBody>(&json!({ "aliasName": "prod", "versionId": "1" }), |body| {
        body.create().map(drop)
    });
    check_required::<service::ServiceBody>(&json!({ "serviceName": "s" }), |body| {
        body.create().map(drop)
    });
    check_required::<function::FunctionBody>(
        &json!({ "functionName": "f", "handler": "h", "runtime": "custom" }),
        |body| body.create("s", Origin::Stranger).map(drop),
    );
    check_required::<concurrency::ConcurrencyBody>(
        &json!({ "reservedConcurrency": 1 }),
        |_| Ok(()),
    );
    check_required::<version::VersionBody>(&json!({}), |_| Ok(()));
    check_required::<restriction::DisableBody>(&json!({}), |_| Ok(()));
    check_required::<config::ConfigBody>(&json!({}), |_| Ok(()));
}
