//! What goes wrong with what FC has no word for.

use super::Problem;
use ekiden_domain::{InvocationId, Status, text::clean};
use http::StatusCode;

impl Problem {
    /// 404: the invocation has not ended, and so has no result yet.
    #[must_use]
    pub fn result_not_found(id: &InvocationId, status: Status) -> Self {
        let message = format!("invocation '{id}' has no result yet: it is {status}");
        Self::new(StatusCode::NOT_FOUND, "ResultNotFound", message)
    }

    /// 404: the invocation's result has no such delivery.
    #[must_use]
    pub fn delivery_not_found(id: &str, number: &str) -> Self {
        let [id, number] = [id, number].map(|text| clean(text, 128));
        let message = format!("invocation '{id}' has no delivery '{number}'");
        Self::new(StatusCode::NOT_FOUND, "DeliveryNotFound", message)
    }
}
