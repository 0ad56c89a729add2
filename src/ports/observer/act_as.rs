use crate::types::error::ErrorKind;
use crate::types::user::UserId;

/// An attempt of a user to act as another, once it is decided and audited.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActAs {
    /// The verified user who made the request.
    pub actor: UserId,
    /// The user to act as; `None` if the header could not be read.
    pub target: Option<UserId>,
    /// Why it was refused; `None` if it was granted.
    pub error: Option<ErrorKind>,
}
