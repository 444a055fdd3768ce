//! The floor: a bare axum server that answers with bytes it holds already. What a scenario reaches
//! of the floor's rate is what Backstay's own work leaves.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

type Bodies = Arc<HashMap<String, (u16, Bytes)>>;

/// Serves the answers in `folder`: a file `NAME.STATUS` is the body at `/NAME`.
pub(crate) async fn serve(folder: &str) -> anyhow::Result<()> {
    let mut bodies = HashMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((name, status)) = file.split_once('.') {
            bodies
                .insert(format!("/{name}"), (status.parse()?, Bytes::from(std::fs::read(&path)?)));
        }
    }
    let router = Router::new().fallback(answer).with_state(Arc::new(bodies));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    std::fs::write(format!("{folder}/address"), listener.local_addr()?.to_string())?;
    Ok(axum::serve(listener, router).await?)
}

async fn answer(State(bodies): State<Bodies>, uri: Uri, _sent: Bytes) -> Response {
    match bodies.get(uri.path()) {
        Some((status, body)) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
            (status, [(header::CONTENT_TYPE, "application/json")], body.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
