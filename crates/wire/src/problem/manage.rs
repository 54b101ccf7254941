//! What goes wrong with services, functions, versions, aliases and configs.

use super::Problem;
use crate::Dialect;
use ekiden_domain::{FunctionName, Qualifier, registry::VersionScope};
use http::StatusCode;

impl Problem {
    /// 400: a field is needed and was not given.
    #[must_use]
    pub fn required(field: &str) -> Self {
        Self::invalid_argument(format!("{field} is required"))
    }

    /// 404: there is no such service.
    #[must_use]
    pub fn service_not_found(service: &str) -> Self {
        let message = format!("service '{service}' does not exist");
        Self::new(StatusCode::NOT_FOUND, "ServiceNotFound", message)
    }

    /// 409: there is a service of this name already.
    #[must_use]
    pub fn service_already_exists(service: &str) -> Self {
        let message = format!("service '{service}' already exists");
        Self::new(StatusCode::CONFLICT, "ServiceAlreadyExists", message)
    }

    /// 409: the service has functions, of which one is named.
    #[must_use]
    pub fn service_not_empty(service: &str, function: &str) -> Self {
        let message = format!("service '{service}' has functions, such as '{function}'");
        Self::new(StatusCode::CONFLICT, "ServiceNotEmpty", message)
    }

    /// 409: there is a function of this name already.
    #[must_use]
    pub fn function_already_exists(dialect: Dialect, name: &FunctionName) -> Self {
        let (service, function) = (name.service(), name.function());
        let message = if dialect.is_fc3() {
            format!("function '{function}' already exists")
        } else {
            format!("function '{function}' already exists in service '{service}'")
        };
        Self::new(StatusCode::CONFLICT, "FunctionAlreadyExists", message)
    }

    /// 404: the function's code is asked for, and it has none here.
    #[must_use]
    pub fn code_not_found(name: &FunctionName) -> Self {
        let message = format!(
            "function '{}' has no code package here: Ekiden calls what runs elsewhere",
            name.function()
        );
        Self::new(StatusCode::NOT_FOUND, "CodeNotFound", message)
    }

    /// 403: new invocations of the function are refused.
    #[must_use]
    pub fn function_disabled(name: &FunctionName, reason: &str) -> Self {
        let mut message = format!("AccessDenied: the function '{name}' is disabled");
        if !reason.is_empty() {
            message = format!("{message}: {reason}");
        }
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    /// 404: the function has no such version or alias.
    #[must_use]
    pub fn qualifier_not_found(
        dialect: Dialect,
        name: &FunctionName,
        qualifier: &Qualifier,
    ) -> Self {
        let of = if dialect.is_fc3() {
            format!("function '{}'", name.function())
        } else {
            format!("service '{}'", name.service())
        };
        Self::no_such(&of, qualifier)
    }

    /// 404: the service or function has no such version or alias.
    #[must_use]
    pub fn not_in_scope(scope: &VersionScope, qualifier: &Qualifier) -> Self {
        Self::no_such(&spelled(scope), qualifier)
    }

    fn no_such(of: &str, qualifier: &Qualifier) -> Self {
        let (code, kind) = if qualifier.is_version() {
            ("VersionNotFound", "version")
        } else {
            ("AliasNotFound", "alias")
        };
        let message = format!("{kind} '{qualifier}' of {of} does not exist");
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 409: the service or function has an alias of this name already.
    #[must_use]
    pub fn alias_already_exists(scope: &VersionScope, alias: &Qualifier) -> Self {
        let message = format!("alias '{alias}' of {} already exists", spelled(scope));
        Self::new(StatusCode::CONFLICT, "AliasAlreadyExists", message)
    }

    /// 409: a version cannot go while an alias stands for it.
    #[must_use]
    pub fn version_in_use(scope: &VersionScope, version: &Qualifier, alias: &str) -> Self {
        let of = spelled(scope);
        let message = format!("version '{version}' of {of} is what its alias '{alias}' stands for");
        Self::new(StatusCode::CONFLICT, "VersionInUse", message)
    }

    /// 404: nothing was said of how asynchronous invocations through this qualifier are treated.
    #[must_use]
    pub fn config_not_found(name: &FunctionName, qualifier: &Qualifier) -> Self {
        let function = name.function();
        let message = format!("AsyncConfig for {function}:{qualifier} does not exist.");
        Self::new(StatusCode::NOT_FOUND, "AsyncConfigNotExists", message)
    }

    /// 404: the function's concurrency is not bounded.
    #[must_use]
    pub fn concurrency_not_found(name: &FunctionName) -> Self {
        let function = name.function();
        let message = format!("concurrency config of function '{function}' does not exist");
        Self::new(StatusCode::NOT_FOUND, "ConcurrencyConfigNotFound", message)
    }

    /// 412: what is to be changed is no longer what the caller's `If-Match` names.
    #[must_use]
    pub fn precondition_failed() -> Self {
        let message = "the resource being modified has been changed";
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            message,
        )
    }

    /// 409: others changed the same thing again and again.
    #[must_use]
    pub fn concurrent_update() -> Self {
        let message = "concurrent update: nothing was changed; try again";
        Self::new(StatusCode::CONFLICT, "ConcurrentUpdateError", message)
    }
}

fn spelled(scope: &VersionScope) -> String {
    match scope {
        VersionScope::Service(service) => format!("service '{service}'"),
        VersionScope::Function(name) => format!("function '{}'", name.function()),
    }
}
