//! Request targets with bytes that a URI must not hold raw: `select=tags->0` as people type it.
//!
//! The HTTP library refuses them before anybody is asked. So a connection's bytes pass through
//! [`Lenient`], which puts `_` in their place in the request line and keeps the target as it came,
//! and [`Targets::restore`] gives the request its own target again, percent-encoded.
//!
//! It also ends connections that never say what they want: the library waits for the first bytes
//! without a limit.
//!
//! Invariant: no byte is added or removed, so that what follows the request line (where a body ends)
//! never depends on this.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use memchr::memchr;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What a query must not hold raw; everything else stands for itself or is encoded already.
const RAW: &AsciiSet = &CONTROLS.add(b'"').add(b'<').add(b'>');
/// Longer methods are none that is served.
const METHOD_BYTES_MAX: usize = 16;
/// The preface of HTTP/2 has this many bytes, and no request has fewer.
const GREETING_BYTES: usize = 24;
/// The library takes no longer target.
const TARGET_BYTES_MAX: usize = u16::MAX as usize;

/// The target of a connection's last request line as it came, if it needed mending.
#[derive(Clone, Default)]
pub(super) struct Targets(Arc<Mutex<Option<Vec<u8>>>>);

impl Targets {
    /// The target that came, if this one has bytes put in the place of others.
    pub(super) fn restore(&self, uri: &Uri) -> Option<Uri> {
        let came = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let seen = uri.path_and_query()?.as_str().as_bytes();
        let same = seen.len() <= came.len()
            && seen.iter().zip(&came).all(|(seen, came)| *seen == replaced(*came));
        if !same {
            return None;
        }
        let target = came.get(..seen.len())?;
        let mut parts = uri.clone().into_parts();
        parts.path_and_query =
            Some(PathAndQuery::try_from(percent_encode(target, RAW).to_string()).ok()?);
        Uri::from_parts(parts).ok()
    }

    fn keep(&self, target: Option<Vec<u8>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }
}

fn replaced(byte: u8) -> u8 {
    if matches!(byte, b'"' | b'<' | b'>') || !byte.is_ascii() { b'_' } else { byte }
}

/// Where in the stream of a connection's bytes we are.
#[derive(Debug)]
enum Place {
    /// Before or in the method of a request line: so many bytes of it were seen.
    Method(usize),
    /// In the target.
    Target,
    /// In what follows it, until an answer is written.
    Rest,
    /// Not HTTP/1.
    Never,
}

/// A connection whose request lines are mended.
pub(super) struct Lenient<S> {
    stream: S,
    /// Until the first bytes have come: how many are missing, and how long they may take.
    greeting: Option<(usize, Pin<Box<Sleep>>)>,
    place: Place,
    target: Vec<u8>,
    targets: Targets,
}

impl<S> Lenient<S> {
    /// Wraps a new connection, which must say what it wants within this time.
    pub(super) fn new(stream: S, targets: Targets, patience: Duration) -> Self {
        let greeting = Some((GREETING_BYTES, Box::pin(tokio::time::sleep(patience))));
        Self { stream, greeting, place: Place::Method(0), target: Vec::new(), targets }
    }

    fn came(&mut self, bytes: &mut [u8]) {
        if self.is_plain_line(bytes) {
            self.targets.keep(None);
            self.place = Place::Rest;
            return;
        }
        for byte in bytes {
            match self.place {
                Place::Method(seen) => self.place = self.method(seen, *byte),
                Place::Target if matches!(byte, b' ' | b'\r' | b'\n') => {
                    let mended = self.target.iter().any(|byte| replaced(*byte) != *byte);
                    self.targets.keep(mended.then(|| std::mem::take(&mut self.target)));
                    self.place = Place::Rest;
                }
                Place::Target if self.target.len() == TARGET_BYTES_MAX => self.place = Place::Rest,
                Place::Target => {
                    self.target.push(*byte);
                    *byte = replaced(*byte);
                }
                Place::Rest | Place::Never => return,
            }
        }
    }

    /// Do the bytes begin with a whole request line of HTTP/1.1 that needs no mending, as nearly
    /// all do?
    fn is_plain_line(&self, bytes: &[u8]) -> bool {
        let Some(end) = memchr(b'\r', bytes).filter(|_| matches!(self.place, Place::Method(0)))
        else {
            return false;
        };
        let line = bytes.get(..end).unwrap_or_default();
        let method = line.get(..memchr(b' ', line).unwrap_or(0)).unwrap_or_default();
        (1..=METHOD_BYTES_MAX).contains(&method.len())
            && method.iter().all(u8::is_ascii_uppercase)
            && line.ends_with(b" HTTP/1.1")
            && line.iter().all(|byte| replaced(*byte) == *byte)
    }

    /// Is the time for the first bytes over?
    fn is_late(&mut self, cx: &mut Context<'_>, came: usize) -> bool {
        let Some((missing, limit)) = &mut self.greeting else { return false };
        if came >= *missing {
            self.greeting = None;
            return false;
        }
        *missing -= came;
        limit.as_mut().poll(cx).is_ready()
    }

    fn method(&mut self, seen: usize, byte: u8) -> Place {
        match byte {
            b'\r' | b'\n' if seen == 0 => Place::Method(0),
            b' ' if seen > 0 => {
                // The preface of HTTP/2, whose frames are not ours to read.
                let other_version = self.target == b"PRI";
                self.target.clear();
                if other_version { Place::Never } else { Place::Target }
            }
            byte if byte.is_ascii_uppercase() && seen < METHOD_BYTES_MAX => {
                self.target.push(byte);
                Place::Method(seen + 1)
            }
            _ => Place::Rest,
        }
    }

    /// After an answer comes the next request; after `100 Continue` the body of this one.
    fn answered(&mut self, bytes: &[u8]) {
        if matches!(self.place, Place::Rest) && !bytes.starts_with(b"HTTP/1.1 100") {
            self.target.clear();
            self.place = Place::Method(0);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lenient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let bytes = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        self.came(bytes);
        if self.is_late(cx, bytes.len()) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lenient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.answered(bytes);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.answered(parts.first().map_or(&[], |part| part));
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
