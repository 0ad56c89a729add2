use crate::types::error::AuthError;
use crate::types::user::UserInfo;

/// What is known of a token without waiting.
pub(super) enum Verdict {
    Done(Result<UserInfo, AuthError>),
    /// Keys have to be fetched first.
    Pending,
    /// The list of revocations has to be asked about the token of this user.
    Unchecked(UserInfo),
    /// No JWT, or one of another issuer.
    NotOwn,
}
