//! A string that is redacted in logs.

use std::fmt;

#[cfg(feature = "client")]
use crate::types::error::BuildError;

/// A secret string: its `Debug` is `[redacted]`, it has no `Display`, and reading it is explicit.
///
/// ```
/// use aigc_auth::Secret;
///
/// let secret = Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
// No `PartialEq`: secrets are compared in constant time where they are checked.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<Box<str>>) -> Self {
        Self(secret.into())
    }

    /// The secret itself. Keep it out of logs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Checks that a secret has no white space at its ends, which files, shells and copies add: whoever has it without would get
/// other signatures.
///
/// # Errors
/// If it has; the error names the secret by `name`.
#[cfg(feature = "client")]
pub(crate) fn check_ends(secret: &str, name: &str) -> Result<(), BuildError> {
    if secret.trim() == secret {
        return Ok(());
    }
    Err(BuildError::new(format!(
        "the {name} starts or ends with white space; remove it, such as by `trim()`"
    )))
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[redacted]");
        assert_eq!(Secret::new("hunter2").expose(), "hunter2");
    }

    #[cfg(feature = "client")]
    #[test]
    fn white_space_at_an_end_is_an_error_without_the_secret() {
        for (secret, is_right) in [
            ("hunter2", true),
            ("hunter 2", true),
            ("", true),
            ("hunter2\n", false),
            ("hunter2\r\n", false),
            (" hunter2", false),
            ("hunter2\u{a0}", false),
            ("\thunter2\t", false),
            ("\n", false),
        ] {
            let checked = check_ends(secret, "webhook secret");
            assert_eq!(checked.is_ok(), is_right, "{secret:?}");
            if let Err(error) = checked {
                let text = error.to_string();
                assert!(text.contains("the webhook secret starts or ends with white space"), "{text}");
                assert!(!text.contains("hunter"), "{text}");
            }
        }
    }
}
