//! A hook over HTTP, signed as Standard Webhooks say.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Map, Value};
use sha2::Sha256;
use url::{Host, Url};
use uuid::Uuid;

use crate::error::{Refusal, Result};
use crate::outgoing::{self, Unread};
use crate::values::now;

/// Tries, the first one included.
const ATTEMPTS_MAX: usize = 3;
/// Time between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// Limit: bytes of an answer.
const ANSWER_BYTES_MAX: usize = 200 * 1024;

/// Where a hook is posted to, and what signs it.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    url: Url,
    secrets: Vec<Vec<u8>>,
}

/// What became of one try.
enum Tried {
    Answered(Response),
    /// It may be better later.
    Later,
}

impl Endpoint {
    /// Reads address and secrets (`v1,whsec_…`, several separated by `|`).
    pub(super) fn new(uri: &str, secrets: &str) -> std::result::Result<Self, String> {
        let url = Url::parse(uri).map_err(|error| format!("`{uri}` is no address: {error}"))?;
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && local) {
            return Err(format!("`{uri}` must begin with https (or http on this machine)"));
        }
        let secret = |text: &str| {
            let key =
                text.trim().strip_prefix("v1,whsec_").and_then(|key| STANDARD.decode(key).ok());
            key.filter(|key| !key.is_empty())
                .ok_or_else(|| "secrets look like v1,whsec_BASE64".to_owned())
        };
        let secrets = secrets.split('|').map(secret).collect::<std::result::Result<_, _>>()?;
        Ok(Self { url, secrets })
    }

    /// Posts the body, several times if need be, and answers the JSON that comes back.
    pub(super) async fn post(&self, client: &Client, body: String) -> Result<Value> {
        for attempt in 1..=ATTEMPTS_MAX {
            match self.attempt(client, body.clone()).await? {
                Tried::Answered(answer) => return read(answer).await,
                Tried::Later if attempt < ATTEMPTS_MAX => tokio::time::sleep(PAUSE).await,
                Tried::Later => {}
            }
        }
        let message = "Failed to reach hook after maximum retries";
        Err(Refusal::new(422, "hook_timeout_after_retry", message))
    }

    async fn attempt(&self, client: &Client, body: String) -> Result<Tried> {
        let (id, at) = (Uuid::new_v4().to_string(), now().as_second().to_string());
        let request = client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-signature", self.signature(&id, &at, &body))
            .header("webhook-id", id)
            .header("webhook-timestamp", at);
        let answer = match request.body(body).send().await {
            Ok(answer) => answer,
            Err(error) if error.is_timeout() || error.is_connect() => return Ok(Tried::Later),
            Err(error) => return Err(Refusal::internal(error.without_url())),
        };
        match answer.status() {
            StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {
                Ok(Tried::Answered(answer))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                if answer.headers().contains_key("retry-after") =>
            {
                Ok(Tried::Later)
            }
            status => {
                let message =
                    format!("Unexpected status code returned from hook: {}", status.as_u16());
                Err(Refusal::new(500, "unexpected_failure", message))
            }
        }
    }

    /// One signature for each secret.
    fn signature(&self, id: &str, at: &str, body: &str) -> String {
        let one = |secret: &Vec<u8>| {
            // A key of any length is taken.
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(format!("{id}.{at}.{body}").as_bytes());
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        };
        self.secrets.iter().filter_map(one).collect::<Vec<_>>().join(" ")
    }
}

async fn read(answer: Response) -> Result<Value> {
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    let body = outgoing::body(answer, ANSWER_BYTES_MAX).await.map_err(|unread| match unread {
        Unread::TooLarge => {
            let message = "Payload exceeded size limit of 204800 bytes";
            Refusal::new(422, "hook_payload_over_size_limit", message)
        }
        Unread::Broken => Refusal::new(422, "hook_timeout", "The answer of the hook broke off"),
    })?;
    if body.trim_ascii().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    if kind.split(';').next().unwrap_or_default().trim() != "application/json" {
        let message = format!("Invalid JSON response. Received content-type: {kind}");
        return Err(Refusal::new(400, "hook_payload_invalid_content_type", message));
    }
    serde_json::from_slice(&body)
        .map_err(|_| Refusal::new(500, "unexpected_failure", "The answer of the hook is no JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // The example of the standard's documentation.
        let secrets = "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let endpoint = Endpoint::new("https://hooks.example/x", secrets).unwrap();
        let signature = endpoint.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "{\"test\": 2432232314}",
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn addresses_and_secrets_that_cannot_be_trusted_are_refused() {
        let good = "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert!(Endpoint::new("http://127.0.0.1:9/x", &format!("{good}|{good}")).is_ok());
        for (uri, secrets) in [
            ("http://hooks.example/x", good),
            ("ftp://hooks.example/x", good),
            ("hooks.example", good),
            ("https://hooks.example", ""),
            ("https://hooks.example", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("https://hooks.example", "v1,whsec_"),
            ("https://hooks.example", "v1,whsec_%%%"),
        ] {
            assert!(Endpoint::new(uri, secrets).is_err(), "{uri} {secrets}");
        }
    }
}
