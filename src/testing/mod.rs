//! Test services against an auth center in the test's process, or with ready-made users.
//!
//! [`AuthCenter`] speaks the auth center's protocol on a local port, holds the users and credentials of a test, records the
//! requests it receives, fails on demand in every way of [`Fault`], and is as old as its [`Dialect`].
//!
//! Without any server, [`user`] makes a user, [`signed_in`] authenticates requests as one, [`anonymous`] as nobody, and
//! [`users()`] is a verifier of several users by token. [`UsageLog`] keeps usage records, [`EventLog`] what an observer is
//! told. With a held `Clock`, the TTLs of a client pass at once. The guide is [`test_your_service`](crate::_guide::test_your_service).

mod accounts;
mod apps;
mod builder;
mod call;
mod center;
mod deliver;
mod dialect;
mod dispatcher;
mod endpoints;
mod event_log;
mod fault;
mod fault_plan;
mod groups;
mod limits;
mod observed_call;
mod outage;
mod program;
mod read_body;
mod received_usage;
mod registry;
mod rejection;
mod request_log;
mod respond;
mod response;
mod server;
mod state;
mod store;
mod stored;
mod test_auth;
mod test_key;
mod test_users;
#[cfg(test)]
mod tests;
mod timestamp;
mod tracked;
mod usage_log;
mod users;

pub use builder::AuthCenterBuilder;
pub use center::AuthCenter;
pub use dialect::Dialect;
pub use event_log::EventLog;
pub use fault::Fault;
pub use observed_call::ObservedCall;
pub use outage::Outage;
pub use received_usage::UsageRecord;
pub use request_log::RecordedRequest;
pub use stored::{RestoreError, SeenState, StateTable};
pub use test_auth::{TestAuth, TestAuthLayer, anonymous, signed_in};
pub use test_key::TestKey;
pub use test_users::{TestUsers, users};
pub use usage_log::{RecordedUsage, UsageLog};
pub use users::{user, user_id};

#[cfg(feature = "client")]
pub use crate::util::clock::Clock;
