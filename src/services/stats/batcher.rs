use std::collections::HashMap;
use std::mem;

use http::HeaderValue;

use super::batch::{Batch, Position};
use super::lane::{ByLane, Lane};
use super::reduction::reduced_record;
use crate::ports::usage::{ApiRecord, Served};
use crate::types::user::UserInfo;

/// Groups encoded records by lane and credential until a batch is full.
pub(super) struct Batcher {
    lanes: ByLane<Groups>,
    batch_size: u64,
    last_number: u64,
}

#[derive(Default)]
struct Groups {
    by_credential: HashMap<Box<str>, Group>,
    records: u64,
    bytes: usize,
}

#[derive(Default)]
struct Group {
    json: Vec<u8>,
    records: u64,
    user: Option<UserInfo>,
}

/// Whether a record is encoded with everything that is known of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Full,
    /// What billing needs.
    Reduced,
}

impl Batcher {
    /// The length of the longest body of a batch of several records, in bytes. Gateways accept 1 MiB by default, and this
    /// is far from what makes a call slow.
    const MAX_BODY: usize = 256 * 1024;
    const BODY_START: &[u8] = br#"{"stats":["#;
    const BODY_END: &[u8] = b"]}";

    /// Creates a batcher whose batches have at most `batch_size` records.
    pub(super) fn new(batch_size: u64) -> Self {
        Self { lanes: ByLane::default(), batch_size, last_number: 0 }
    }

    /// Returns how many records are in incomplete batches of a lane.
    pub(super) fn records(&self, lane: Lane) -> u64 {
        self.lanes[lane].records
    }

    /// Returns how many bytes the records of incomplete batches of a lane take.
    pub(super) fn bytes(&self, lane: Lane) -> usize {
        self.lanes[lane].bytes
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

    /// Adds a record. Returns the batch that is full now: with this record, or without it if that would make its body too
    /// long.
    ///
    /// `Err` for a record that can never be sent.
    pub(super) fn push(
        &mut self,
        lane: Lane,
        record: &ApiRecord,
        detail: Detail,
    ) -> Result<Option<Batch>, ()> {
        let credential = record.credential().map(|credential| credential.as_str()).ok_or(())?;
        let mut json = serde_json::to_string(record).map_err(drop)?;
        if detail == Detail::Reduced {
            json = reduced_record(&json).unwrap_or(json);
        }
        let groups = &mut self.lanes[lane];
        let with_record = |group: &Group| group.json.len() + 1 + json.len() + Self::BODY_END.len();
        let too_long = groups.by_credential.get(credential).is_some_and(|g| with_record(g) > Self::MAX_BODY);
        let without = if too_long { groups.by_credential.remove(credential) } else { None };
        // `entry` would copy the credential for each record.
        if !groups.by_credential.contains_key(credential) {
            groups.by_credential.insert(credential.into(), Group::default());
        }
        let group = groups.by_credential.get_mut(credential).ok_or(())?;
        if group.user.is_none() {
            group.user = record.user().cloned();
        }
        let len = group.json.len();
        group.json.extend_from_slice(if group.records == 0 { Self::BODY_START } else { b"," });
        group.json.extend_from_slice(json.as_bytes());
        group.records += 1;
        groups.records += 1;
        groups.bytes += group.json.len() - len;
        if without.is_none() && group.records < self.batch_size {
            return Ok(None);
        }
        // A batch of one record is full at once, so that there is never one group before this record and one with it.
        let full = match without {
            Some(group) => group,
            None => groups.by_credential.remove(credential).ok_or(())?,
        };
        Ok(self.finish(lane, credential, full))
    }

    /// Removes all incomplete batches of a lane and returns them.
    pub(super) fn drain(&mut self, lane: Lane) -> Vec<Batch> {
        let groups = mem::take(&mut self.lanes[lane].by_credential);
        groups.into_iter().filter_map(|(credential, group)| self.finish(lane, &credential, group)).collect()
    }

    fn finish(&mut self, lane: Lane, credential: &str, group: Group) -> Option<Batch> {
        let Group { mut json, records, user } = group;
        let groups = &mut self.lanes[lane];
        groups.records -= records;
        groups.bytes -= json.len();
        json.extend_from_slice(Self::BODY_END);
        let mut authorization = HeaderValue::try_from(format!("Bearer {credential}")).ok()?;
        authorization.set_sensitive(true);
        Some(Batch {
            idempotency_key: format!("{:032x}", fastrand::u128(..)),
            lane,
            position: Position::whole(self.next_number()),
            authorization,
            user,
            body: json.into(),
            records,
            attempts: 0,
            spooled: false,
        })
    }
}
