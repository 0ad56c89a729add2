//! Notice what has changed: tell the console, and write the state file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aigc_auth::testing::UsageRecord;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::hub::{Hub, Seen, Table, What};
use crate::store::Store;
use crate::terminal::complain;

/// How late the console is told, and how soon a save that has failed is tried again. Whoever has changed something waits for
/// the state file, which is written at once then.
const INTERVAL: Duration = Duration::from_millis(200);

/// Usage records that are looked at in one go.
const RECORDS: usize = 5_000;

/// What is not in the state file yet.
#[derive(Default)]
struct Unsaved {
    tables: BTreeMap<&'static str, Table>,
    usage: Vec<UsageRecord>,
}

/// Runs until `stopped`, and once more then. Returns the last error of the state file, if it is not up to date.
pub(crate) async fn keep(
    hub: Arc<Hub>,
    mut store: Option<Store>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen, mut unsaved, mut complaint) = (Seen::default(), Unsaved::default(), None);
    loop {
        let is_last = tokio::select! {
            _ = ticks.tick() => false,
            () = hub.saves().wanted() => false,
            _ = stopped.wait_for(|stopped| *stopped) => true,
        };
        let start = Instant::now();
        hub.saves().begin();
        hub.expire();
        notice(&hub, &mut seen, &mut unsaved);
        let outcome = match store.as_mut() {
            Some(store) => save(&hub, store, &mut unsaved).await,
            None => {
                unsaved = Unsaved::default();
                Ok(())
            }
        };
        hub.saves().end(outcome.is_ok());
        if let Err(error) = &outcome
            && complaint.as_ref() != Some(error)
        {
            complain(&format!("the state is not saved, and will be tried again: {error}"));
        }
        complaint = outcome.err();
        if is_last {
            break;
        }
        // Half of the time at the most: while tables are read, calls wait.
        tokio::time::sleep(start.elapsed().min(INTERVAL)).await;
    }
    match (complaint, store) {
        (Some(error), _) => Err(error),
        (None, Some(store)) => store.close().await,
        (None, None) => Ok(()),
    }
}

/// Looks what has changed, and tells the console.
fn notice(hub: &Hub, seen: &mut Seen, unsaved: &mut Unsaved) {
    for table in hub.changed_tables(seen) {
        hub.events().add(What::Changed { table: table.name });
        unsaved.tables.insert(table.name, table);
    }
    let before = unsaved.usage.len();
    loop {
        let usage = hub.new_usage(seen, RECORDS);
        let is_all = usage.len() < RECORDS;
        unsaved.usage.extend(usage);
        if is_all {
            break;
        }
    }
    if let Some(record) = unsaved.usage.get(before..).and_then(<[_]>::last) {
        hub.events().add(What::Usage { number: record.number });
    }
}

async fn save(hub: &Hub, store: &mut Store, unsaved: &mut Unsaved) -> Result<(), String> {
    let first = hub.center().usage_after(0, 1).first().map(|record| record.number);
    // Those that the center does not keep any more are not kept for a disk that is full, either.
    unsaved.usage.retain(|record| first.is_some_and(|first| record.number >= first));
    if unsaved.tables.is_empty() && unsaved.usage.is_empty() {
        return Ok(());
    }
    store.save(unsaved.tables.values(), &unsaved.usage, first).await?;
    *unsaved = Unsaved::default();
    Ok(())
}
