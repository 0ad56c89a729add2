//! Notice what has changed: tell the console, and write the state file.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::hub::{Hub, Seen, What};
use crate::store::Store;

/// What a crash may lose.
const INTERVAL: Duration = Duration::from_millis(200);

/// Usage records in one transaction.
const RECORDS: usize = 5_000;

/// Runs until `stopped`, and once more then. Returns the last error of the state file, if it is not up to date.
pub(crate) async fn keep(
    hub: Arc<Hub>,
    mut store: Option<Store>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen, mut complaint) = (Seen::default(), None);
    loop {
        let is_last = tokio::select! {
            _ = ticks.tick() => false,
            _ = stopped.wait_for(|stopped| *stopped) => true,
        };
        let outcome = once(&hub, store.as_mut(), &mut seen).await;
        if let Err(error) = &outcome
            && complaint.as_ref() != Some(error)
        {
            eprintln!("aigc-auth-center: the state is not saved, and will be tried again: {error}");
        }
        complaint = outcome.err();
        if is_last {
            break;
        }
    }
    match (complaint, store) {
        (Some(error), _) => Err(error),
        (None, Some(store)) => store.close().await,
        (None, None) => Ok(()),
    }
}

async fn once(hub: &Hub, store: Option<&mut Store>, seen: &mut Seen) -> Result<(), String> {
    hub.expire();
    let before = seen.clone();
    let tables = hub.changed_tables(seen);
    let usage = hub.new_usage(seen, RECORDS);
    if let Some(record) = usage.last() {
        hub.events().add(What::Usage { number: record.number });
    }
    for table in &tables {
        hub.events().add(What::Changed { table: table.name });
    }
    let Some(store) = store else { return Ok(()) };
    if tables.is_empty() && usage.is_empty() {
        return Ok(());
    }
    let first = hub.center().usage_after(0, 1).first().map(|record| record.number);
    let saved = store.save(&tables, &usage, first).await;
    if saved.is_err() {
        // All of it again with the next tick.
        *seen = before;
    }
    saved
}
