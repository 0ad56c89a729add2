//! What a token's claims say: of which user it is, and of which kind.

mod bind;
mod claim_codes;
mod claim_path;
mod claims_mapping;
mod known_claims;
mod registered;
mod shown;
mod tenant_claims;
mod token_kind;
pub(crate) mod unique_json;

#[cfg(feature = "jwt")]
pub(crate) use claim_codes::scopes;
pub use claims_mapping::ClaimsMapping;
#[cfg(feature = "jwt")]
pub(crate) use claims_mapping::MapToken;
#[cfg(feature = "jwt")]
pub use claims_mapping::default_claims_mapping;
pub(crate) use registered::{check_audience, check_issuer};
#[cfg(feature = "jwt")]
pub(crate) use shown::{list, shown, type_of};
pub use token_kind::TokenKind;
#[cfg(feature = "jwt")]
pub(crate) use token_kind::{LOGOUT_EVENT, media_type};
