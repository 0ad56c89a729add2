use http::StatusCode;

use crate::types::labels::labels;

labels! {
    /// The kind of an [`AuthError`](crate::AuthError).
    pub enum ErrorKind {
        /// No credential was sent: 401 with a bare challenge.
        MissingCredential = "missing_credential",
        /// The credential is malformed, unknown, expired or revoked: 401 `invalid_token`.
        InvalidCredential = "invalid_credential",
        /// The token was valid, and has expired: 401 `invalid_token`, with `error_description` so that callers refresh it instead
        /// of logging in again. Only verifiers that see the token's end tell it from
        /// [`InvalidCredential`](Self::InvalidCredential); the auth center does not.
        Expired = "expired",
        /// The credential is longer than [`AuthLayer::max_credential_len`](crate::AuthLayer::max_credential_len): 431. It was not
        /// verified, and may be a valid one.
        CredentialTooLarge = "credential_too_large",
        /// The caller is authenticated but not admitted, such as a disabled user: 403.
        Denied = "denied",
        /// The request itself cannot be read, such as one that names two users to act as, or an argument of a call is out of its
        /// range: 400.
        InvalidRequest = "invalid_request",
        /// The user to act as does not exist, or the one to issue a token for: 404.
        UnknownUser = "unknown_user",
        /// The caller lacks a permission, a role or the admin flag: 403 `insufficient_scope`.
        MissingPermission = "missing_permission",
        /// The credential could not be verified, since the auth center is unreachable, failing or unreadable: 503 with
        /// `Retry-After`.
        Unavailable = "unavailable",
        /// The auth center rejected a call with the business code in [`AuthError::code`](crate::AuthError::code): 502. Only calls that you make
        /// yourself return it; the layer never does.
        Rejected = "rejected",
        /// The service is misconfigured, such as an extractor without its layer: 500.
        Misconfigured = "misconfigured",
        /// A lookup failed in this process, such as by a panic: 500.
        Internal = "internal",
    }
}

impl ErrorKind {
    /// The HTTP status that an error of this kind is answered with.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::MissingCredential | Self::InvalidCredential | Self::Expired => StatusCode::UNAUTHORIZED,
            Self::CredentialTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Denied | Self::MissingPermission => StatusCode::FORBIDDEN,
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::UnknownUser => StatusCode::NOT_FOUND,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Rejected => StatusCode::BAD_GATEWAY,
            Self::Misconfigured | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
