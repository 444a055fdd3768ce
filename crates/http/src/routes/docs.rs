//! `/docs`: the page that documents the API, for people. It holds nothing of the project; it reads
//! the description of the API with the key that its reader gives.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

use crate::App;

/// A file of the page.
struct Asset {
    path: &'static str,
    kind: &'static str,
    content: &'static [u8],
}

const ASSETS: &[Asset] = &[
    Asset {
        path: "/docs",
        kind: "text/html; charset=utf-8",
        content: include_bytes!("../docs/index.html"),
    },
    Asset {
        path: "/docs/docs.css",
        kind: "text/css; charset=utf-8",
        content: include_bytes!("../docs/docs.css"),
    },
    script("/docs/docs.js", include_bytes!("../docs/docs.js")),
    script("/docs/model.js", include_bytes!("../docs/model.js")),
    script("/docs/examples.js", include_bytes!("../docs/examples.js")),
    script("/docs/json.js", include_bytes!("../docs/json.js")),
];

const fn script(path: &'static str, content: &'static [u8]) -> Asset {
    Asset { path, kind: "text/javascript; charset=utf-8", content }
}

/// The page runs its own scripts only and talks to this server only.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The routes of the page.
pub(crate) fn routes() -> Router<Arc<App>> {
    let mut routes = Router::new().route("/docs/", get(|| async { Redirect::permanent("/docs") }));
    for asset in ASSETS {
        let tag = tag(asset.content);
        routes = routes.route(
            asset.path,
            get(move |request: Request| async move { answer(asset, &tag, request.headers()) }),
        );
    }
    routes
}

fn tag(content: &[u8]) -> HeaderValue {
    // Half of the digest tells versions of a file apart.
    let digest: String =
        Sha256::digest(content).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("W/\"{digest}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
}

fn answer(asset: &Asset, tag: &HeaderValue, asked: &HeaderMap) -> Response {
    let known = asked.get(header::IF_NONE_MATCH) == Some(tag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.kind)], asset.content).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_the_page_names_is_served() {
        let page =
            ASSETS.iter().map(|asset| String::from_utf8_lossy(asset.content)).collect::<String>();
        for part in page.split(['"', '\'']).filter(|part| part.starts_with("/docs/")) {
            assert!(ASSETS.iter().any(|asset| asset.path == part), "{part}");
        }
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        let asset = &ASSETS[0];
        let tag = tag(asset.content);
        assert_eq!(answer(asset, &tag, &HeaderMap::new()).status(), StatusCode::OK);
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag.clone())]);
        assert_eq!(answer(asset, &tag, &asked).status(), StatusCode::NOT_MODIFIED);
    }
}
