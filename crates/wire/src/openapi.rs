//! Routes and what is told of them, made together: what is served is described, and by the very types
//! that its handler takes and answers.
//!
//! A handler's arguments say what they read of a request, and its answer says what it may be
//! ([`Describe`]). So an [`Endpoint`] knows its operation, and an [`Api`] is both: the routes, and the
//! part of the OpenAPI document that is about them.

mod describe;
mod document;
mod operation;
pub mod schema;

pub use describe::{Describe, Handled, Tells};
pub use document::Document;
pub use operation::{JSON, OCTETS, Operation, TEXT};
pub(crate) use operation::{header, json};
pub use utoipa::openapi::OpenApi;

use crate::{Problem, Spelling, native::PREFIX};
use axum::{
    Router,
    extract::State,
    handler::Handler,
    routing::{self, MethodRouter},
};
use http::{Method, StatusCode, Uri};
use utoipa::openapi::{Components, Info, Paths, path::HttpMethod};

/// One method at some path: the handler, and what is told of it.
#[derive(Clone, Debug)]
pub struct Endpoint<S> {
    method: HttpMethod,
    name: &'static str,
    summary: &'static str,
    route: MethodRouter<S>,
    elsewhere: MethodRouter<&'static str>,
    describe: fn(&mut Operation),
    refusals: Vec<StatusCode>,
}

/// Stamps the maker of each method's endpoints.
macro_rules! makers {
    ($($maker:ident $method:ident)*) => {
        $(
            #[doc = concat!("A `", stringify!($maker), "`: its name, and what it does.")]
            pub fn $maker<H, A, T>(name: &'static str, summary: &'static str, handler: H) -> Self
            where
                H: Handler<A, S> + Handled<T>,
                A: 'static,
            {
                Self {
                    method: HttpMethod::$method,
                    name,
                    summary,
                    route: routing::$maker(handler),
                    elsewhere: routing::$maker(not_here),
                    describe: H::describe,
                    refusals: Vec::new(),
                }
            }
        )*
    };
}

impl<S: Clone + Send + Sync + 'static> Endpoint<S> {
    makers! { get Get post Post put Put delete Delete }

    /// Tells of one more status of refusals than its handler's types do.
    #[must_use]
    pub fn refuses(mut self, status: StatusCode) -> Self {
        self.refusals.push(status);
        self
    }

    fn operation(&self, path: &str) -> Operation {
        let mut operation = Operation::new(path, self.name, self.summary);
        (self.describe)(&mut operation);
        for status in &self.refusals {
            operation.refuses(*status);
        }
        operation
    }
}

/// Routes, and what is told of them.
#[derive(Debug)]
pub struct Api<S> {
    routes: Router<S>,
    /// The same, where they are not served. Its state is the role that it takes.
    elsewhere: Router<&'static str>,
    described: OpenApi,
}

impl<S: Clone + Send + Sync + 'static> Default for Api<S> {
    fn default() -> Self {
        let mut described = OpenApi::new(Info::default(), Paths::new());
        described.components = Some(Components::new());
        Self {
            routes: Router::new(),
            elsewhere: Router::new(),
            described,
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// Serves the endpoints at the path in each spelling.
    #[must_use]
    pub fn at<const N: usize>(self, spelling: Spelling, endpoints: [Endpoint<S>; N]) -> Self {
        let paths = spelling.paths();
        paths.fold(self, |api, path| api.serve(&path, &endpoints))
    }

    /// Serves the endpoints at a path of Ekiden's own, which is told without its prefix.
    #[must_use]
    pub fn native<const N: usize>(self, path: &str, endpoints: [Endpoint<S>; N]) -> Self {
        self.serve(&format!("{PREFIX}{path}"), &endpoints)
    }

    fn serve(mut self, path: &str, endpoints: &[Endpoint<S>]) -> Self {
        for endpoint in endpoints {
            self.routes = self.routes.route(path, endpoint.route.clone());
            self.elsewhere = self.elsewhere.route(path, endpoint.elsewhere.clone());
            let operation = endpoint.operation(path);
            operation.put(&mut self.described, endpoint.method.clone());
        }
        self
    }

    /// Both, and what is told of both.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.routes = self.routes.merge(other.routes);
        self.elsewhere = self.elsewhere.merge(other.elsewhere);
        self.described.merge(other.described);
        self
    }

    /// The routes, and what is told of them: a part of a [`Document`].
    pub fn into_parts(self) -> (Router<S>, OpenApi) {
        (self.routes, self.described)
    }

    /// The routes of a process that does not have the `role` to serve them: each refuses, and says so.
    pub fn elsewhere(self, role: &'static str) -> Router {
        self.elsewhere.with_state(role)
    }
}

async fn not_here(State(role): State<&'static str>, method: Method, uri: Uri) -> Problem {
    Problem::lacks_role(&method, uri.path(), role)
}

#[cfg(test)]
mod tests;
