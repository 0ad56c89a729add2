use redis::Value;

use super::id::Id;
use super::ledger::Ledger;
use super::message::Content;
use super::observe::entries;
use crate::upstream::redis_link::{Connection, LinkError};

/// What was published before a replica started to listen: it has nothing cached from before, and others have put values into Redis.
pub(super) struct History {
    /// Newest first.
    entries: Vec<(Id, Content)>,
    /// The last number that is not among them.
    floor: u64,
}

/// So many are read: about as many as are kept.
const MAX: usize = 10_000;
/// Of them at a time.
const PAGE: usize = 1_000;

impl History {
    /// Reads back from the end of a stream, within its epoch. What cannot be read is not known.
    pub(super) async fn read(connection: &Connection, key: &str, last: Id) -> Self {
        let mut history = Self { entries: vec![], floor: last.number };
        let mut end = last.to_string();
        while history.entries.len() < MAX {
            let Ok(page) = page(connection, key, &end).await else { break };
            let is_last = page.len() < PAGE;
            let goes_on = page.into_iter().all(|entry| history.add(last.epoch, entry));
            if is_last || !goes_on {
                break;
            }
            end = format!("({}", Id { epoch: last.epoch, number: history.floor + 1 });
        }
        history
    }

    /// Adds the entry before the first one. Returns whether there may be others before it.
    fn add(&mut self, epoch: u64, (id, content): (Id, Content)) -> bool {
        // The end itself may be trimmed, and with it all that is before.
        let is_next = id.epoch == epoch && id.number == self.floor;
        let is_first = matches!(content, Content::Reset);
        if is_next && !is_first {
            self.entries.push((id, content));
            // One of the number 0 is the start of an epoch.
            self.floor = self.floor.saturating_sub(1);
        }
        is_next && !is_first
    }

    /// Hands them in, to a ledger that has started to count at the number `last`.
    pub(super) fn hand_in(&self, ledger: &Ledger, last: Id) {
        for (id, content) in self.entries.iter().rev() {
            if let Some(invalidation) = content.invalidation() {
                ledger.heard(Some(id.parts()), invalidation);
            }
        }
        ledger.lower_floor(last, self.floor);
    }
}

async fn page(connection: &Connection, key: &str, end: &str) -> Result<Vec<(Id, Content)>, LinkError> {
    let mut read = redis::cmd("XREVRANGE");
    read.arg(key).arg(end).arg("-").arg("COUNT").arg(PAGE);
    entries(&connection.query::<Value>(&read).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::invalidation::Invalidation;

    fn entry(epoch: u64, number: u64, what: Option<Invalidation>) -> (Id, Content) {
        let content = what.map_or(Content::Reset, |what| Content::Invalidation { origin: None, what });
        (Id { epoch, number }, content)
    }

    #[test]
    fn history_goes_back_to_the_start_of_its_epoch_or_to_the_first_hole() {
        let user = |epoch, number| entry(epoch, number, Some(Invalidation::of(Some(7.into()), None)));
        for (entries, floor, len, what) in [
            (vec![user(2, 9), user(2, 8), entry(2, 7, None)], 7, 2, "all"),
            (vec![user(2, 9), user(2, 8)], 7, 2, "trimmed"),
            (vec![user(2, 9), user(2, 7)], 8, 1, "a hole"),
            (vec![user(2, 8)], 9, 0, "the last one is gone"),
            (vec![entry(2, 9, None), user(1, 50)], 9, 0, "an epoch that has just started"),
            (vec![user(2, 9), user(1, 8)], 8, 1, "another epoch"),
            (vec![], 9, 0, "nothing"),
        ] {
            let mut history = History { entries: vec![], floor: 9 };
            let _ = entries.into_iter().all(|entry| history.add(2, entry));
            assert_eq!((history.floor, history.entries.len()), (floor, len), "{what}");
        }
    }
}
