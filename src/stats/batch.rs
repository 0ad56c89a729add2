//! Records of one credential that go to the auth center together.

use std::collections::HashMap;
use std::mem;

use bytes::Bytes;
use http::HeaderValue;

use crate::record::{ApiRecord, Served};

/// What is sent in one call. It stays as it is, however often it is sent.
#[derive(Clone)]
pub(super) struct Batch {
    /// By it the auth center can tell that it has had the batch already.
    pub(super) key: String,
    /// Its place in the order of age.
    pub(super) number: u64,
    pub(super) authorization: HeaderValue,
    /// `{"stats": […]}`
    pub(super) body: Bytes,
    pub(super) records: u64,
    pub(super) attempts: u32,
    /// Whether it is on disk as well.
    pub(super) spooled: bool,
}

impl Batch {
    pub(super) fn credential(&self) -> &str {
        let value = self.authorization.to_str().unwrap_or_default();
        value.strip_prefix("Bearer ").unwrap_or(value)
    }
}

/// Records that wait for more of the same credential.
pub(super) struct Groups {
    by_credential: HashMap<Box<str>, Group>,
    batch: u64,
    made: u64,
    records: u64,
    bytes: usize,
}

#[derive(Default)]
struct Group {
    json: Vec<u8>,
    records: u64,
}

impl Groups {
    /// Batches have so many records at most.
    pub(super) fn new(batch: u64) -> Self {
        Self { by_credential: HashMap::new(), batch, made: 0, records: 0, bytes: 0 }
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// A number for a batch that was made by others.
    pub(super) fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// The number of the youngest batch.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a record; returns the batch that it makes full.
    ///
    /// `Err` for one that can never be sent.
    pub(super) fn add(&mut self, record: &ApiRecord) -> Result<Option<Batch>, ()> {
        let credential = record.credential().map(|credential| credential.as_str()).ok_or(())?;
        let json = serde_json::to_vec(record).map_err(drop)?;
        // A look-up of its own, so that only new credentials are copied.
        if !self.by_credential.contains_key(credential) {
            self.by_credential.insert(credential.into(), Group::default());
        }
        let group = self.by_credential.get_mut(credential).ok_or(())?;
        group.json.extend_from_slice(if group.records == 0 { br#"{"stats":["# } else { b"," });
        group.json.extend_from_slice(&json);
        group.records += 1;
        self.records += 1;
        self.bytes += json.len();
        if group.records < self.batch {
            return Ok(None);
        }
        let full = self.by_credential.remove(credential).ok_or(())?;
        Ok(self.finish(credential, full))
    }

    /// All that wait, in batches.
    pub(super) fn take(&mut self) -> Vec<Batch> {
        let groups = mem::take(&mut self.by_credential);
        groups.into_iter().filter_map(|(credential, group)| self.finish(&credential, group)).collect()
    }

    fn finish(&mut self, credential: &str, group: Group) -> Option<Batch> {
        let Group { mut json, records } = group;
        self.records -= records;
        self.bytes = if self.records == 0 { 0 } else { self.bytes.saturating_sub(json.len()) };
        json.extend_from_slice(b"]}");
        let mut authorization = HeaderValue::try_from(format!("Bearer {credential}")).ok()?;
        authorization.set_sensitive(true);
        self.made += 1;
        Some(Batch {
            key: format!("{:032x}", fastrand::u128(..)),
            number: self.made,
            authorization,
            body: json.into(),
            records,
            attempts: 0,
            spooled: false,
        })
    }
}
