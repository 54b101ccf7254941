//! The dashboard: a page that shows, by the public API alone, what became of the tasks.
//!
//! Its files are part of the program. They hold no data, and so need no key; what the page then asks
//! for does.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};

/// A browser loads nothing from elsewhere, runs nothing that stands in the page, sends no form by
/// itself, and makes no elements of text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'";

/// One file of the page.
#[derive(Clone, Copy, Debug)]
struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($kind:ident $path:expr, $name:literal) => {
        File {
            path: $path,
            kind: $kind,
            text: include_str!(concat!("../dashboard/", $name)),
        }
    };
    ($kind:ident $name:literal) => {
        file!($kind concat!("/dashboard/", $name), $name)
    };
}

const PAGE: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

const FILES: [File; 14] = [
    file!(PAGE "/", "index.html"),
    file!(STYLE "dashboard.css"),
    file!(IMAGE "icon.svg"),
    file!(SCRIPT "dashboard.js"),
    file!(SCRIPT "actions.js"),
    file!(SCRIPT "api.js"),
    file!(SCRIPT "counts.js"),
    file!(SCRIPT "dom.js"),
    file!(SCRIPT "filters.js"),
    file!(SCRIPT "pages.js"),
    file!(SCRIPT "place.js"),
    file!(SCRIPT "task.js"),
    file!(SCRIPT "tasks.js"),
    file!(SCRIPT "words.js"),
];

/// The page's routes: `/`, and what it loads from `/dashboard/`.
pub fn dashboard() -> Router {
    FILES.into_iter().fold(Router::new(), |router, file| {
        let tag = tag(file.text);
        let serve = async move |headers: HeaderMap| file.answer(&tag, &headers);
        router.route(file.path, get(serve))
    })
}

impl File {
    /// The file, or that the browser has it already.
    fn answer(self, tag: &str, headers: &HeaderMap) -> Response {
        let about = [
            (header::ETAG, tag),
            // Asked for each time, which costs no more than this: a new release shows at once.
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        let known = headers.get_all(header::IF_NONE_MATCH).iter();
        let mut known = known.filter_map(|tags| tags.to_str().ok());
        if known.any(|tags| tags.contains(tag)) {
            return (StatusCode::NOT_MODIFIED, about).into_response();
        }
        let kind = [(header::CONTENT_TYPE, self.kind)];
        (about, kind, self.text).into_response()
    }
}

/// Names what the text is: another text has another one.
fn tag(text: &str) -> String {
    let digest = Sha256::digest(text);
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use http::Request;
    use std::path::Path;
    use tower::ServiceExt;

    async fn get(path: &str, known: &str) -> Response {
        let request = Request::get(path).header(header::IF_NONE_MATCH, known);
        let request = request.body(Body::empty()).unwrap();
        dashboard().oneshot(request).await.unwrap()
    }

    fn header(response: &Response, name: header::HeaderName) -> &str {
        response.headers()[name].to_str().unwrap()
    }

    #[tokio::test]
    async fn every_file_comes_with_its_kind_and_what_a_browser_may_do_with_it() {
        for file in FILES {
            let response = get(file.path, "").await;
            assert_eq!(response.status(), StatusCode::OK, "{}", file.path);
            assert_eq!(header(&response, header::CONTENT_TYPE), file.kind);
            assert_eq!(header(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert_eq!(header(&response, header::CACHE_CONTROL), "no-cache");
            let policy = header(&response, header::CONTENT_SECURITY_POLICY);
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body, file.text);
        }
    }

    #[tokio::test]
    async fn what_a_browser_has_is_not_sent_again() {
        let first = get("/", "").await;
        let tag = header(&first, header::ETAG);
        for known in [tag, &format!("\"other\", W/{tag}")] {
            let again = get("/", known).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(header(&again, header::ETAG), tag);
            let body = to_bytes(again.into_body(), usize::MAX).await.unwrap();
            assert!(body.is_empty());
        }
        let style = get("/dashboard/dashboard.css", tag).await;
        assert_eq!(style.status(), StatusCode::OK);
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard");
        assert_eq!(folder.read_dir().unwrap().count(), FILES.len());
    }

    /// The policy would stop it; the sources do not even try.
    #[test]
    fn nothing_makes_elements_of_text_or_names_another_origin() {
        for File { path, text, .. } in FILES {
            for sign in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "eval(",
                "https://",
            ] {
                assert!(!text.contains(sign), "{path} has {sign}");
            }
        }
    }
}
