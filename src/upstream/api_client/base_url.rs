use url::Url;

use crate::types::error::BuildError;
use crate::upstream::http_url::{self, NoUrl};

/// The base URL of the auth center.
pub(crate) struct BaseUrl {
    /// With the path that it has before `/sdk`.
    pub(super) url: Url,
    /// Whether it ended in `/sdk`, which is added to it.
    pub(super) ended_in_sdk: bool,
}

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, BuildError> {
        let invalid = |why: &str| {
            BuildError::new(format!("the base URL of the auth center (AIGC_AUTH_BASE_URL) {why}"))
        };
        let mut url = http_url::parse(text).map_err(|no_url| match no_url {
            NoUrl::Unreadable(error) => invalid(no_url.why()).with_source(error),
            _ => invalid(no_url.why()),
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("must not contain a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("must end with its path, without `?` or `#`"));
        }
        let path = url.path().trim_end_matches('/').strip_suffix("/sdk").map(str::to_owned);
        if let Some(path) = &path {
            url.set_path(path);
        }
        Ok(Self { url, ended_in_sdk: path.is_some() })
    }
}
