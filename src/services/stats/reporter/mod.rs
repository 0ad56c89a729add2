//! The background task that delivers records: drains the queue, groups records into batches, sends and retries them.

mod command;
mod encoding;
mod lane_state;
mod outage;
#[allow(clippy::module_inception)]
mod reporter;
mod sending;
mod settings;
mod spooling;
mod stored;

pub(super) use command::Command;
pub(super) use reporter::Reporter;
pub(super) use settings::Settings;
