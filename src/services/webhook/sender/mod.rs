//! Deliver events to another service's webhook.

mod builder;
mod delivery;
mod error;
mod message;
#[allow(clippy::module_inception)]
mod sender;

pub use builder::SenderBuilder;
pub use delivery::Delivery;
pub use error::{DeliveryError, DeliveryErrorKind};
pub use sender::Sender;
