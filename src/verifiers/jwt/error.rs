use std::borrow::Cow;

use crate::types::error::{AuthError, ErrorKind};

/// Returns the error for a rejected token.
pub(super) fn invalid_token(detail: impl Into<Cow<'static, str>>) -> AuthError {
    AuthError::new(ErrorKind::InvalidCredential).with_detail(detail)
}
