//! Sign the tokens by which this service calls others, and publish their keys.

mod builder;
mod key;
mod key_ring;
mod router;
#[allow(clippy::module_inception)]
mod signer;
mod token;

pub use builder::ServiceSignerBuilder;
pub use key::ServiceKey;
pub use signer::ServiceSigner;
pub use token::ServiceToken;
