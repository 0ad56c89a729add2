use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN};

use crate::types::error::{AuthError, ErrorKind};
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Recognizes a CORS preflight (Fetch standard, section 4.8): an OPTIONS request with both headers. Other OPTIONS requests need
/// a credential.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Warns that preflights are refused: the layers are in the wrong order, and browsers show their page no reason.
#[derive(Clone)]
pub(super) struct PreflightWarnings(Arc<LogThrottle>);

impl PreflightWarnings {
    /// Everybody can send one, and one warning says it all.
    const PAUSE: Duration = Duration::from_secs(600);

    /// Says in the error, and in the log, where the CORS layer belongs, if a preflight is refused for want of a credential.
    pub(super) fn explain(&self, error: AuthError, method: &Method, headers: &HeaderMap) -> AuthError {
        if error.kind() != ErrorKind::MissingCredential || !is_preflight(method, headers) {
            return error;
        }
        if self.0.is_due() {
            tracing::warn!(
                "CORS preflights are refused, for they never have a credential: put the CORS layer outside, \
                 `.layer(auth).layer(cors)`"
            );
        }
        error.with_detail(
            "a CORS preflight, which never has a credential: put the CORS layer outside, `.layer(auth).layer(cors)`",
        )
    }
}

impl Default for PreflightWarnings {
    fn default() -> Self {
        Self(Arc::new(LogThrottle::new(Clock::default(), Self::PAUSE)))
    }
}

impl fmt::Debug for PreflightWarnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreflightWarnings")
    }
}
