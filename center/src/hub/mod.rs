//! The state, in one place: users and credentials in the center, apps, log-ins, faults; and what happened to them.

mod app;
mod deliveries;
mod endpoints;
mod event;
mod events;
mod faults;
#[allow(clippy::module_inception)]
mod hub;
mod passwords;
mod saves;
mod table;
mod users;

pub(crate) use app::App;
pub(crate) use event::{What, millis};
pub(crate) use events::Events;
pub(crate) use faults::FaultName;
pub(crate) use hub::{Hub, Seen};
pub(crate) use saves::Saves;
pub(crate) use table::Table;
pub(crate) use users::{Refusal, UserEdit, check_name};
