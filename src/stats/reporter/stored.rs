//! What the reporter has to do with the store.

use std::collections::BTreeSet;
use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::Reporter;
use super::outage::Outage;
use crate::stats::batch::Batch;
use crate::stats::deliver::Deliver;
use crate::stats::store::{Store, Window};

/// What was read from the store and is being sent.
#[derive(Default)]
pub(super) struct Reading {
    /// The numbers of those that are not settled.
    pub(super) unsettled: BTreeSet<u64>,
    pub(super) refused: Vec<Batch>,
    /// They fail again and again, and go to the end of the store.
    pub(super) back: Vec<Batch>,
}

impl<D: Deliver, S: Store> Reporter<D, S> {
    /// So many batches are read from the store at a time.
    const WINDOW: usize = 16;
    /// What has waited longer in the store is sent at a limited rate: the auth center may just have come back.
    const OLD: u64 = 15;
    /// Of those, one batch in so long.
    const PACE: Duration = Duration::from_millis(10);

    /// Gives full batches to the store, or else keeps them in memory.
    pub(super) async fn hand_over(&mut self) {
        let full = mem::take(&mut self.full);
        if full.is_empty() {
            return;
        }
        let records = full.iter().map(|batch| batch.records).sum();
        match self.store.add(full).await {
            Ok(lost) => {
                self.is_stored = true;
                self.counts.spooled(records);
                self.lose(lost);
            }
            Err(full) => full.into_iter().for_each(|batch| self.put(batch)),
        }
    }

    /// Older records had to leave the store for younger ones.
    pub(super) fn lose(&self, records: u64) {
        if records > 0 {
            self.counts.unspooled(records);
            self.counts.dropped(records);
            if self.warnings.is_due() {
                tracing::warn!(records, "usage records are dropped: the spool is full, or damaged");
            }
        }
    }

    pub(super) fn wants_more(&self) -> bool {
        self.is_stored && self.reading.is_none() && self.outage.as_ref().is_none_or(Outage::is_over)
    }

    /// Reads from the store what is to be sent next.
    pub(super) async fn read(&mut self) {
        if !self.wants_more() || Instant::now() < self.next_read {
            return;
        }
        let Window { batches, age, unsealable, lost } = self.store.read(Self::WINDOW).await;
        if unsealable > 0 {
            self.counts.unspooled(unsealable);
            self.counts.dead_lettered(unsealable);
            self.log_cause("they were spooled under another app secret".to_owned());
        }
        self.lose(lost);
        if batches.is_empty() {
            self.is_stored = false;
            return;
        }
        if age > Self::OLD {
            self.next_read = Instant::now() + Self::PACE * u32::try_from(batches.len()).unwrap_or(u32::MAX);
        }
        let mut reading = Reading::default();
        for mut batch in batches {
            batch.number = self.groups.number();
            reading.unsettled.insert(batch.number);
            self.backlog.put(batch);
        }
        self.reading = Some(reading);
    }

    /// A batch from the store is settled; with the last one, what was read is forgotten there.
    pub(super) async fn settle_read(&mut self, number: u64) {
        let Some(reading) = &mut self.reading else { return };
        reading.unsettled.remove(&number);
        if reading.unsettled.is_empty() {
            let Reading { refused, back, .. } = self.reading.take().unwrap_or_default();
            let lost = self.store.finish(refused, back).await;
            self.lose(lost);
        }
    }
}
