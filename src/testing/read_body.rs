//! Read a request's body, within the limits of a center.

use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::limits::Limits;

/// The bytes of the bodies that are being read.
#[derive(Default)]
pub(super) struct Bodies(AtomicUsize);

/// Part of [`Bodies`], until it is dropped.
struct Share<'a> {
    bodies: &'a Bodies,
    bytes: usize,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    /// Others are being read, and there is no room for this one.
    Busy,
    /// It ended early, or took too long.
    Broken,
}

impl Bodies {
    pub(super) async fn read(&self, body: Incoming, limits: &Limits) -> Result<Vec<u8>, Unread> {
        let reading = self.read_all(body, limits);
        match limits.body_timeout {
            Some(timeout) => tokio::time::timeout(timeout, reading).await.unwrap_or(Err(Unread::Broken)),
            None => reading.await,
        }
    }

    async fn read_all(&self, mut body: Incoming, limits: &Limits) -> Result<Vec<u8>, Unread> {
        let (mut bytes, mut share) = (Vec::new(), Share { bodies: self, bytes: 0 });
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            if data.len() > limits.body - bytes.len() {
                return Err(Unread::TooLarge);
            }
            share.grow(data.len(), limits.bodies)?;
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }
}

impl Share<'_> {
    fn grow(&mut self, by: usize, limit: usize) -> Result<(), Unread> {
        self.bytes += by;
        let before = self.bodies.0.fetch_add(by, Ordering::Relaxed);
        if before.saturating_add(by) > limit { Err(Unread::Busy) } else { Ok(()) }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.bodies.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
