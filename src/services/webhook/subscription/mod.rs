//! Subscribe a service to the auth center's events.

mod builder;
mod state_file;
#[allow(clippy::module_inception)]
mod subscription;

pub use builder::SubscriptionBuilder;
pub use subscription::Subscription;
