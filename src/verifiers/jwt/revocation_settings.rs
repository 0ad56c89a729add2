//! How a verifier knows of revocations.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::revocations::DynRevocations;
use crate::types::revocation::RevocationFailure;

#[derive(Clone)]
pub(super) struct RevocationSettings {
    pub(super) list: Option<Arc<dyn DynRevocations>>,
    pub(super) failure: RevocationFailure,
    pub(super) session_claims: Vec<String>,
    pub(super) max_token_lifetime: Duration,
}

impl Default for RevocationSettings {
    fn default() -> Self {
        Self {
            list: None,
            failure: RevocationFailure::Open,
            session_claims: vec!["sid".to_owned()],
            max_token_lifetime: Duration::from_secs(24 * 60 * 60),
        }
    }
}
