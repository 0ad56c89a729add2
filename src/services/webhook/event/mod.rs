//! Parse events of users.

mod event_user;
mod raw_event;
#[cfg(test)]
mod tests;
mod user_event;

pub use event_user::EventUser;
pub(super) use raw_event::RawEvent;
pub use user_event::{EVENTS, UserEvent};
