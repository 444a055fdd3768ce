//! Carries the requests of the ACME library over the HTTP client that everything else uses: the
//! system's root certificates decide which authority is believed.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

/// Time for one request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The client.
pub(super) struct Courier(reqwest::Client);

impl Courier {
    /// A client.
    ///
    /// # Errors
    /// If the system's root certificates cannot be read.
    pub(super) fn new() -> reqwest::Result<Self> {
        reqwest::Client::builder().timeout(TIMEOUT).https_only(true).build().map(Self)
    }
}

impl HttpClient for Courier {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let failed = |error: reqwest::Error| Error::Other(Box::new(error));
            let request = reqwest::Request::try_from(Request::from_parts(parts, body));
            let answer = client.execute(request.map_err(failed)?).await.map_err(failed)?;
            Ok(BytesResponse::from(http::Response::from(answer)))
        })
    }
}
