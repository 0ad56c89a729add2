use url::Url;

use crate::types::error::BuildError;

/// Parses the base URL of the auth center.
pub(super) fn parse(text: &str) -> Result<Url, BuildError> {
    let invalid =
        |why: &str| BuildError::new(format!("the base URL of the auth center (AIGC_AUTH_BASE_URL) {why}"));
    let mut base = Url::parse(text).map_err(|error| invalid("is not a URL").with_source(error))?;
    if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
        return Err(invalid("must start with https:// or http:// and name a host"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(invalid("must not contain a user name or password"));
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(invalid("must end with its path, without `?` or `#`"));
    }
    let path = base.path().trim_end_matches('/');
    if let Some(path) = path.strip_suffix("/sdk").map(str::to_owned) {
        tracing::warn!(
            "the base URL of the auth center (AIGC_AUTH_BASE_URL) ends in /sdk, which is added to it; it is taken without"
        );
        base.set_path(&path);
    }
    Ok(base)
}
