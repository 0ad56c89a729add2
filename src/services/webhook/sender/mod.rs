//! Deliver events to another service's webhook.

mod builder;
mod dead_letter;
mod delivery;
mod error;
mod lanes;
mod message;
#[allow(clippy::module_inception)]
mod sender;

pub use builder::SenderBuilder;
pub use dead_letter::DeadLetter;
pub use delivery::Delivery;
pub use error::{DeliveryError, DeliveryErrorKind};
pub use sender::Sender;
