//! A body that is not read yet.

use super::fields::{self, Fields, FromFields, MAX_BODY};
use crate::{
    Problem, body,
    openapi::{Describe, JSON, Operation},
};
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use std::{convert::Infallible, marker::PhantomData};
use utoipa::openapi::{Content, Required, request_body::RequestBodyBuilder};

/// A request whose body says what a `T` is to be, and is read once the caller is known to be allowed
/// to do it.
#[derive(Debug)]
pub struct Unread<T, const NEW: bool>(Request, PhantomData<fn() -> T>);

/// A body that says all that it takes to make a `T`.
pub type New<T> = Unread<T, true>;
/// A body that says what is to be changed of a `T`.
pub type Update<T> = Unread<T, false>;

impl<T: FromFields, const NEW: bool> Unread<T, NEW> {
    /// What it says.
    ///
    /// # Errors
    /// If it is no JSON object, too large, or says what is not allowed.
    pub async fn read(self) -> Result<T, Problem> {
        let bytes = body::read(self.0, MAX_BODY).await?;
        T::from_fields(Fields::parse(&bytes)?)
    }
}

impl<S: Send + Sync, T, const NEW: bool> FromRequest<S> for Unread<T, NEW> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(request, PhantomData))
    }
}

impl<T: FromFields, const NEW: bool> Describe for Unread<T, NEW> {
    fn describe(operation: &mut Operation) {
        let (name, required) = if NEW {
            (format!("New{}", T::NAME), T::REQUIRED)
        } else {
            (format!("{}Update", T::NAME), &[][..])
        };
        let schema = fields::schema::<T>();
        let schema = required
            .iter()
            .fold(schema, |schema, name| schema.required(*name));
        let content = Content::new(Some(operation.named(&name, schema)));
        let is_needed = !required.is_empty();
        let body = RequestBodyBuilder::new()
            .content(JSON, content)
            .required(Some(if is_needed {
                Required::True
            } else {
                Required::False
            }));
        operation.body(body);
        operation.refuses(StatusCode::CONFLICT);
    }
}
