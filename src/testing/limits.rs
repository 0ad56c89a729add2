//! Bound what a center keeps, and estimate what values take.

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Map, Value};

/// What a center keeps at the most. A test decides itself what it sends; a program that runs for days does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of a body, in bytes.
    pub(super) body: usize,
    /// Of all bodies that are being read, in bytes.
    pub(super) bodies: usize,
    /// How long a body may take.
    pub(super) body_timeout: Option<Duration>,
    /// How long a connection may take to send a head.
    pub(super) head_timeout: Option<Duration>,
    pub(super) connections: usize,
    /// Users, tokens, and access keys, of each.
    pub(super) accounts: usize,
    /// Webhooks, services, and instances of them, of each.
    pub(super) registered: usize,
    /// Of a row, as estimated by [`weight`].
    pub(super) row: usize,
    /// Of the recorded requests, and of the usage records, in bytes as estimated by [`weight`].
    pub(super) log: usize,
    pub(super) usage: usize,
    pub(super) usage_records: usize,
    pub(super) messages: usize,
}

impl Limits {
    pub(super) const TEST: Self = Self {
        body: 64 * 1024 * 1024,
        bodies: usize::MAX,
        body_timeout: None,
        head_timeout: None,
        connections: usize::MAX,
        accounts: usize::MAX,
        registered: usize::MAX,
        row: usize::MAX,
        log: usize::MAX,
        usage: usize::MAX,
        usage_records: usize::MAX,
        messages: usize::MAX,
    };

    pub(super) const PROGRAM: Self = Self {
        body: 8 * 1024 * 1024,
        bodies: 32 * 1024 * 1024,
        body_timeout: Some(Duration::from_secs(30)),
        head_timeout: Some(Duration::from_secs(60)),
        connections: 1_000,
        accounts: 10_000,
        registered: 1_000,
        row: 16 * 1024,
        log: 16 * 1024 * 1024,
        usage: 64 * 1024 * 1024,
        usage_records: 20_000,
        messages: 100,
    };
}

/// Estimates the memory of a value, in bytes: rather too much than too little.
pub(super) fn weight(value: &Value) -> usize {
    const NODE: usize = 32;
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => weight_of_fields(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

pub(super) fn weight_of_fields(fields: &Map<String, Value>) -> usize {
    const ENTRY: usize = 96;
    fields.iter().map(|(name, value)| ENTRY + name.len() + weight(value)).sum()
}

pub(super) fn weight_of_headers(headers: &HeaderMap) -> usize {
    const ENTRY: usize = 128;
    headers.iter().map(|(name, value)| ENTRY + name.as_str().len() + value.len()).sum()
}
