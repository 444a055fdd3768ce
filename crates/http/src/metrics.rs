//! Counters of requests in Prometheus' text form.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::panics;

/// Upper ends of the buckets of the latency histogram, in microseconds.
const BUCKETS_MICROS: [u64; 10] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 10_000_000];

/// What is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    by_class: [AtomicU64; 6],
    buckets: [AtomicU64; BUCKETS_MICROS.len() + 1],
    micros: AtomicU64,
    /// Requests being worked on.
    pub in_flight: AtomicU64,
}

impl Metrics {
    /// Counts an answer.
    pub fn answered(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).min(5);
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_MICROS.iter().position(|end| micros <= *end);
        self.buckets[bucket.unwrap_or(BUCKETS_MICROS.len())].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The text form, with further gauges.
    pub fn text(&self, gauges: &[(&'static str, f64)]) -> String {
        let mut out = String::from("# TYPE backstay_http_requests_total counter\n");
        for (class, count) in self.by_class.iter().enumerate().skip(1) {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(out, "backstay_http_requests_total{{status=\"{class}xx\"}} {count}");
        }
        out.push_str("# TYPE backstay_http_request_seconds histogram\n");
        let mut sum = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            sum += count.load(Ordering::Relaxed);
            let end = BUCKETS_MICROS
                .get(index)
                .map_or_else(|| "+Inf".to_owned(), |micros| seconds(*micros).to_string());
            let _ = writeln!(out, "backstay_http_request_seconds_bucket{{le=\"{end}\"}} {sum}");
        }
        let total = seconds(self.micros.load(Ordering::Relaxed));
        let _ = writeln!(out, "backstay_http_request_seconds_sum {total}");
        let _ = writeln!(out, "backstay_http_request_seconds_count {sum}");
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let _ = writeln!(out, "backstay_http_in_flight {in_flight}");
        let _ = writeln!(out, "backstay_panics_total {}", panics::count());
        for (name, value) in gauges {
            let _ = writeln!(out, "backstay_{name} {value}");
        }
        out
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum of times needs no exact microseconds")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_class_and_time() {
        let metrics = Metrics::default();
        metrics.answered(200, Duration::from_micros(300));
        metrics.answered(404, Duration::from_secs(60));
        let text = metrics.text(&[("log_bytes", 5.0)]);
        assert!(text.contains("requests_total{status=\"2xx\"} 1"), "{text}");
        assert!(text.contains("bucket{le=\"0.0005\"} 1"), "{text}");
        assert!(text.contains("bucket{le=\"+Inf\"} 2"), "{text}");
        assert!(text.contains("backstay_log_bytes 5"), "{text}");
    }
}
