use std::collections::HashMap;
use std::mem;

use http::HeaderValue;

use super::batch::Batch;
use crate::ports::usage::{ApiRecord, Served};

/// Groups encoded records by credential until a batch is full.
pub(super) struct Batcher {
    by_credential: HashMap<Box<str>, Group>,
    batch_size: u64,
    last_number: u64,
    records: u64,
    bytes: usize,
}

#[derive(Default)]
struct Group {
    json: Vec<u8>,
    records: u64,
}

impl Batcher {
    /// Creates a batcher whose batches have at most `batch_size` records.
    pub(super) fn new(batch_size: u64) -> Self {
        Self { by_credential: HashMap::new(), batch_size, last_number: 0, records: 0, bytes: 0 }
    }

    /// Returns how many records are in incomplete batches.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Returns how many bytes the records of incomplete batches take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Allocates a number for a batch, such as one that was read from the store.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Returns the number of the youngest batch.
    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Adds a record. Returns its batch if that is full now.
    ///
    /// `Err` for a record that can never be sent.
    pub(super) fn push(&mut self, record: &ApiRecord) -> Result<Option<Batch>, ()> {
        let credential = record.credential().map(|credential| credential.as_str()).ok_or(())?;
        let json = serde_json::to_vec(record).map_err(drop)?;
        // `entry` would copy the credential for each record.
        if !self.by_credential.contains_key(credential) {
            self.by_credential.insert(credential.into(), Group::default());
        }
        let group = self.by_credential.get_mut(credential).ok_or(())?;
        group.json.extend_from_slice(if group.records == 0 { br#"{"stats":["# } else { b"," });
        group.json.extend_from_slice(&json);
        group.records += 1;
        self.records += 1;
        self.bytes += json.len();
        if group.records < self.batch_size {
            return Ok(None);
        }
        let full = self.by_credential.remove(credential).ok_or(())?;
        Ok(self.finish(credential, full))
    }

    /// Removes all incomplete batches and returns them.
    pub(super) fn drain(&mut self) -> Vec<Batch> {
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
        Some(Batch {
            idempotency_key: format!("{:032x}", fastrand::u128(..)),
            number: self.next_number(),
            authorization,
            body: json.into(),
            records,
            attempts: 0,
            spooled: false,
        })
    }
}
