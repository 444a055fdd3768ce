//! A handler that breaks, and what is answered, counted and logged.

use std::io::Write;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;

use super::*;

/// What was logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn breaks(secret: &str) -> Response {
    tokio::task::yield_now().await;
    panic!("{secret}")
}

#[tokio::test]
async fn t19_a_handler_that_panics_is_a_500_that_gives_nothing_away() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    watch();
    let before = count();
    let id = RequestId(HeaderValue::from_static("a-request"));
    let response = caught(&id, breaks("a-secret")).await;
    let fine = caught(&id, async { StatusCode::NO_CONTENT.into_response() }).await;
    drop(std::panic::take_hook());

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let error: Value = serde_json::from_slice(&body).unwrap();
    let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "details", "hint", "message"]);
    assert_eq!(error["code"], "PGRSTX00");
    assert_eq!(fine.status(), StatusCode::NO_CONTENT);
    assert_eq!(count() - before, 1);

    let log = String::from_utf8(logged.0.lock().clone()).unwrap();
    let texts = [log.as_str(), std::str::from_utf8(&body).unwrap()];
    assert!(texts.iter().all(|text| !text.contains("a-secret")), "{texts:?}");
    assert_eq!(log.matches("a handler panicked").count(), 1, "{log}");
    assert!(log.contains("a-request") && log.contains("panics/tests.rs"), "{log}");
}
