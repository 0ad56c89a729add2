use std::collections::hash_map::Entry;
use std::mem;

use http::HeaderValue;

use super::batch::{Batch, Position};
use super::lane::{ByLane, Lane};
use super::reduction::reduced_record;
use crate::ports::usage::{ApiRecord, Served};
use crate::types::credential::Credential;
use crate::types::user::UserInfo;
use crate::upstream::identity_cache::{KeyHasher, KeyMap};

/// Groups encoded records by lane and credential until a batch is full.
pub(super) struct Batcher {
    lanes: ByLane<Groups>,
    hasher: KeyHasher,
    batch_size: u64,
    last_number: u64,
}

#[derive(Default)]
struct Groups {
    /// By a keyed hash, which is made once a record: of a token of 650 bytes, that of a `HashMap<Box<str>, _>` takes longer for each
    /// of its operations than all the rest of it.
    by_credential: KeyMap<Group>,
    records: u64,
    bytes: usize,
}

struct Group {
    credential: Credential,
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
        Self { lanes: ByLane::default(), hasher: KeyHasher::random(), batch_size, last_number: 0 }
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
        let credential = record.credential().ok_or(())?;
        let key = self.hasher.key(credential.as_bytes());
        let groups = &mut self.lanes[lane];
        let mut entry = match groups.by_credential.entry(key) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(Group::new(credential.clone().detached())),
        };
        let group = entry.get_mut();
        let len = group.json.len();
        group.json.extend_from_slice(if group.records == 0 { Self::BODY_START } else { b"," });
        let start = group.json.len();
        if encode(record, detail, &mut group.json).is_err() {
            group.json.truncate(len);
            if group.records == 0 {
                entry.remove();
            }
            return Err(());
        }
        let mut without = None;
        if group.records > 0 && group.json.len() + Self::BODY_END.len() > Self::MAX_BODY {
            let mut next = Group::new(group.credential.clone());
            next.json = [Self::BODY_START, &group.json[start..]].concat();
            group.json.truncate(len);
            groups.bytes += next.json.len();
            without = Some(mem::replace(group, next));
        } else {
            groups.bytes += group.json.len() - len;
        }
        if group.user.is_none() {
            group.user = record.user().cloned();
        }
        group.records += 1;
        groups.records += 1;
        if without.is_none() && group.records < self.batch_size {
            return Ok(None);
        }
        // A batch of one record is full at once, so that there is never one group before this record and one with it.
        let full = without.unwrap_or_else(|| entry.remove());
        Ok(self.finish(lane, full))
    }

    /// Removes all incomplete batches of a lane and returns them.
    pub(super) fn drain(&mut self, lane: Lane) -> Vec<Batch> {
        let groups = mem::take(&mut self.lanes[lane].by_credential);
        groups.into_values().filter_map(|group| self.finish(lane, group)).collect()
    }

    fn finish(&mut self, lane: Lane, group: Group) -> Option<Batch> {
        let Group { credential, mut json, records, user } = group;
        let groups = &mut self.lanes[lane];
        groups.records -= records;
        groups.bytes -= json.len();
        json.extend_from_slice(Self::BODY_END);
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", credential.as_str())).ok()?;
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

impl Group {
    fn new(credential: Credential) -> Self {
        Self { credential, json: Vec::new(), records: 0, user: None }
    }
}

/// Appends the JSON of a record; half of it may be there after an error.
fn encode(record: &ApiRecord, detail: Detail, json: &mut Vec<u8>) -> serde_json::Result<()> {
    let start = json.len();
    record.write_json(json)?;
    if detail == Detail::Reduced
        && let Ok(full) = std::str::from_utf8(&json[start..])
        && let Some(reduced) = reduced_record(full)
    {
        json.truncate(start);
        json.extend_from_slice(reduced.as_bytes());
    }
    Ok(())
}
