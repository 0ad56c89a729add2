//! Handle the calls of services: one file for each subject.

mod credentials;
mod feishu_identity;
mod feishu_message;
mod groups;
mod other_apps;
mod request;
mod router;
mod services;
mod stats;
mod sync;
mod users;
mod webhooks;

pub(super) use router::handle;
