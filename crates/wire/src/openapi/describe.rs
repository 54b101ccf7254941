//! What the types of a handler say of its operation.

use super::operation::{Operation, json};
use crate::{Either, Problem};
use axum::{Extension, Json, extract::State, response::NoContent};
use http::StatusCode;
use std::{convert::Infallible, future::Future};
use utoipa::{
    ToSchema,
    openapi::{Ref, ResponseBuilder},
};

/// What an argument or the answer of a handler says of its operation.
pub trait Describe {
    /// Says it.
    fn describe(operation: &mut Operation);
}

/// A function whose arguments and answer [`Describe`] what it does. `T` is all of them.
pub trait Handled<T> {
    /// Lets each say it.
    fn describe(operation: &mut Operation);
}

macro_rules! handled {
    ($($argument:ident)*) => {
        impl<F, Answer, $($argument),*> Handled<(Answer, $($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Answer,
            Answer: Future<Output: Describe>,
            $($argument: Describe,)*
        {
            fn describe(operation: &mut Operation) {
                $($argument::describe(operation);)*
                Answer::Output::describe(operation);
            }
        }
    };
}

handled!();
handled!(A);
handled!(A B);
handled!(A B C);
handled!(A B C D);
handled!(A B C D E);
handled!(A B C D E G);
handled!(A B C D E G H);

/// Stamps those that read nothing of what a client sends.
macro_rules! silent {
    ($($ty:ty),*) => {
        $(impl Describe for $ty {
            fn describe(_: &mut Operation) {}
        })*
    };
}

silent!(
    Infallible,
    Extension<ekiden_domain::RequestId>,
    crate::Patience
);

impl<S> Describe for State<S> {
    fn describe(_: &mut Operation) {}
}

/// Any operation may be refused for what is wrong with the request, and fail.
impl<T: Describe> Describe for Result<T, Problem> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        for status in [
            StatusCode::BAD_REQUEST,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::INTERNAL_SERVER_ERROR,
            StatusCode::SERVICE_UNAVAILABLE,
        ] {
            operation.refuses(status);
        }
    }
}

/// What is told as JSON: a type with a schema, or one for each generation.
pub trait Tells {
    /// The schema in the spelling of `operation`.
    fn schema(operation: &mut Operation) -> Ref;
}

impl<T: ToSchema> Tells for T {
    fn schema(operation: &mut Operation) -> Ref {
        operation.schema::<T>()
    }
}

impl<A: ToSchema, B: ToSchema> Tells for Either<A, B> {
    fn schema(operation: &mut Operation) -> Ref {
        if operation.dialect.is_fc3() {
            operation.schema::<B>()
        } else {
            operation.schema::<A>()
        }
    }
}

impl<T: Tells> Describe for Json<T> {
    fn describe(operation: &mut Operation) {
        let schema = T::schema(operation);
        operation.answers(StatusCode::OK, json("What was asked for.", schema));
    }
}

impl Describe for NoContent {
    fn describe(operation: &mut Operation) {
        let done = ResponseBuilder::new().description("It is done.");
        operation.answers(StatusCode::NO_CONTENT, done);
    }
}
