//! Headers as the gateway reads them: keys, tokens, origins.

use backstay_http::cors::Origins;
use backstay_http::gateway::{Gateway, GatewaySettings};
use backstay_http::keys::Keys;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// The callers that the gateway must let in by headers that are not theirs: nobody.
pub struct Headers(Gateway, Origins);

impl Headers {
    /// With a secret and keys that the seeds do not have.
    ///
    /// # Panics
    /// If the secret is too short.
    pub fn new() -> Self {
        let mut keys = Keys::new();
        keys.add_secret(None, b"a secret of thirty-two bytes and more").expect("long enough");
        let listed = ["https://app.example".to_owned()];
        Self(Gateway::new(GatewaySettings::default(), keys), Origins::new(&listed))
    }

    /// Reads lines of `name: value`.
    pub fn read(&self, input: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n') {
            let Some(at) = line.windows(2).position(|pair| pair == b": ") else { continue };
            let name = HeaderName::from_bytes(&line[..at]);
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&line[at + 2..])) {
                headers.append(name, value);
            }
        }
        let mut answer = HeaderMap::new();
        if Origins::is_preflight(&Method::OPTIONS, &headers) {
            self.1.answer_preflight(&headers, &mut answer);
        } else {
            self.1.answer(&headers, &mut answer);
        }
        let origins = answer.len();
        let caller = self.0.identify(&headers, None, 1_800_000_000.0);
        let presented = self.0.present(&headers, None, false, 1_800_000_000.0);
        format!("{origins} {caller:?} {presented:?}")
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self::new()
    }
}
