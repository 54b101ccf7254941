//! Requests as bytes: a line with the method and the target, one for each header, an empty one, and the
//! body.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    handler::Handler,
    response::Response,
    routing::any,
};
use ekiden_wire::{Problem, Spelling, problem::MAX_MESSAGE};
use http::{HeaderName, HeaderValue, Method, Uri};
use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
}

/// Waits for it here.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// The request, if the bytes are one that an HTTP library would let through.
pub(crate) fn parse(bytes: &[u8]) -> Option<Request<Bytes>> {
    let end = bytes.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = first.split_once(' ')?;
    let mut request = Request::new(Bytes::copy_from_slice(body));
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = Uri::try_from(target)
        .ok()
        .filter(|uri| uri.path().starts_with('/'))?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}

/// A GET of this target.
pub(crate) fn get(target: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = target.parse().unwrap();
    request
}

/// Routes that all lead to `handler`, which answers `axum::Extension` of what it was given.
pub(crate) fn routes<T: 'static>(
    spellings: impl IntoIterator<Item = Spelling>,
    handler: impl Handler<T, ()>,
) -> Router {
    let paths = spellings.into_iter().flat_map(Spelling::paths);
    paths.fold(Router::new(), |routes, path| {
        routes.route(&path, any(handler.clone()))
    })
}

/// What the handler was given, if the request could be read as that. One that could not is refused, in
/// bounded words.
pub(crate) fn given<T: Clone + Send + Sync + 'static>(
    routes: &Router,
    request: Request<Bytes>,
) -> Option<T> {
    let request = request.map(Body::from);
    let mut response: Response = wait(routes.clone().oneshot(request)).unwrap();
    if let Some(problem) = response.extensions().get::<Problem>() {
        assert!(problem.status.is_client_error(), "{problem:?}");
        assert!(problem.message.len() <= MAX_MESSAGE, "{problem:?}");
    }
    response.extensions_mut().remove()
}
