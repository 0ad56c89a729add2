use http::header::HeaderValue;

use crate::types::error::BuildError;
use crate::types::secret::{Secret, check_ends};

/// Checks the app's id, and makes a header of it.
pub(crate) fn app_id(id: &str) -> Result<HeaderValue, BuildError> {
    header("app id (AIGC_AUTH_APP_ID)", id)
}

/// The same for the app's secret.
pub(crate) fn app_secret(secret: &Secret) -> Result<HeaderValue, BuildError> {
    let mut header = header("app secret (AIGC_AUTH_APP_SECRET)", secret.expose())?;
    header.set_sensitive(true);
    Ok(header)
}

fn header(name: &str, value: &str) -> Result<HeaderValue, BuildError> {
    if value.is_empty() {
        return Err(BuildError::new("the app id and the app secret must not be empty"));
    }
    check_ends(value, name)?;
    HeaderValue::from_str(value).map_err(|_| {
        BuildError::new(format!("the {name} has characters that an HTTP header must not contain"))
    })
}
