use super::auth_error::AuthError;
use super::kind::ErrorKind;

impl From<ErrorKind> for AuthError {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}
