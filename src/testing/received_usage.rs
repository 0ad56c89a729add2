//! Keep the usage records of services.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::limits::{Limits, weight};

/// A usage record that a service has reported, with what the center knows of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UsageRecord {
    /// Counts the records from 1. Records that were dropped for room have had a number, too.
    pub number: u64,
    /// The app that reported it.
    pub app_id: Arc<str>,
    /// The user of the token that it was reported with; `None` if the center does not know the token.
    pub username: Option<Arc<str>>,
    /// The `Idempotency-Key` of the report that it came with: a report whose answer was lost comes again under the same one.
    /// `None` if there was none, and for records that were [stored](UsageRecord::new).
    pub idempotency_key: Option<Arc<str>>,
    /// The record as it was received.
    pub record: Arc<Value>,
}

/// The latest records.
pub(super) struct ReceivedUsage {
    records: VecDeque<(UsageRecord, usize)>,
    last: u64,
    weight: usize,
    max_weight: usize,
    max_records: usize,
}

impl ReceivedUsage {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            records: VecDeque::new(),
            last: 0,
            weight: 0,
            max_weight: limits.usage,
            max_records: limits.usage_records,
        }
    }

    /// Adds the records of a report with this key.
    pub(super) fn add(
        &mut self,
        app_id: &Arc<str>,
        username: Option<&Arc<str>>,
        idempotency_key: Option<&Arc<str>>,
        records: Vec<Value>,
    ) {
        for record in records {
            self.restore(UsageRecord {
                number: self.last + 1,
                app_id: Arc::clone(app_id),
                username: username.cloned(),
                idempotency_key: idempotency_key.cloned(),
                record: Arc::new(record),
            });
        }
    }

    /// Adds a record that has a number already, larger than those before.
    pub(super) fn restore(&mut self, record: UsageRecord) {
        self.last = self.last.max(record.number);
        // Each call has its own copy of the name.
        let texts =
            [&record.username, &record.idempotency_key].map(|text| text.as_deref().map_or(0, str::len));
        let weight = weight(&record.record) + texts.iter().sum::<usize>();
        self.weight += weight;
        self.records.push_back((record, weight));
        while self.records.len() > self.max_records || self.weight > self.max_weight {
            let Some((_, weight)) = self.records.pop_front() else { break };
            self.weight -= weight;
        }
    }

    /// Returns the number of the latest record, also of one that was dropped.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &UsageRecord> {
        self.records.iter().map(|(record, _)| record)
    }

    /// Returns the records after the one with this number, oldest first, at most `max`.
    pub(super) fn after(&self, number: u64, max: usize) -> Vec<UsageRecord> {
        let at = self.records.partition_point(|(record, _)| record.number <= number);
        self.records.range(at..).take(max).map(|(record, _)| record.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usage_log_drops_the_oldest_and_keeps_counting() {
        let mut log = ReceivedUsage::new(&Limits { usage_records: 3, usage: 10_000, ..Limits::TEST });
        let app = Arc::from("app");
        let numbers = |log: &ReceivedUsage| log.all().map(|record| record.number).collect::<Vec<_>>();
        for _ in 0..5 {
            log.add(&app, None, None, vec![json!("x".repeat(1_000))]);
        }
        assert_eq!(numbers(&log), [3, 4, 5]);
        let after = |number, max| log.after(number, max).into_iter().map(|record| record.number);
        assert_eq!(after(0, 2).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(after(4, 9).collect::<Vec<_>>(), [5]);
        assert!(after(5, 9).next().is_none());
        log.add(&app, None, None, vec![json!("x".repeat(8_500))]);
        assert_eq!(numbers(&log), [5, 6], "by weight");
    }
}
