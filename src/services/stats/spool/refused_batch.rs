use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

use super::refused_file::RefusedEntry;
use crate::services::stats::batch::Batch;
use crate::types::credential::Credential;
use crate::types::user::{UserId, UserInfo};

/// Usage records of one credential that the auth center refused together; from [`RefusedRecords::list`].
///
/// [`RefusedRecords::list`]: crate::stats::RefusedRecords::list
#[derive(Clone)]
pub struct RefusedBatch {
    id: u128,
    refused: u64,
    code: Option<u16>,
    reason: String,
    records: u64,
    is_readable: bool,
    user: Option<UserInfo>,
    credential: Option<Credential>,
}

impl RefusedBatch {
    /// Creates the description of an entry, with what it contains if it could be decrypted.
    pub(super) fn new(entry: RefusedEntry, batch: Option<&Batch>) -> Self {
        Self {
            records: entry.records(),
            id: entry.id,
            refused: entry.refused,
            code: entry.code,
            reason: entry.reason,
            is_readable: batch.is_some(),
            user: batch.and_then(|batch| batch.user.clone()),
            credential: None,
        }
    }

    /// When the auth center refused it; to the second.
    pub fn refused_at(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.refused)).unwrap_or(UNIX_EPOCH)
    }

    /// The business code by which the auth center refused it, or the HTTP status: 401 if the credential had ended. `None` if
    /// it cannot be decrypted.
    pub fn code(&self) -> Option<u16> {
        self.code
    }

    /// Why: the auth center's message, or that the batch cannot be decrypted.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How many records it has.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The id of the user whose credential it was, if known: records of jobs have a credential only.
    pub fn user_id(&self) -> Option<&UserId> {
        self.user.as_ref().map(UserInfo::id)
    }

    /// The login name of the user whose credential it was, if known.
    pub fn username(&self) -> Option<&str> {
        self.user.as_ref().map(UserInfo::username)
    }

    /// Whether it can be decrypted. One that was sealed under another app secret can be sent and exported by a process that
    /// has that secret.
    pub fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Sets the credential to send it again under, in place of its own. It has to be the same user's: the auth center bills
    /// its owner. Defaults to its own.
    #[must_use]
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    pub(super) fn id(&self) -> u128 {
        self.id
    }

    /// Returns the new `Authorization`, if there is one.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", self.credential.as_ref()?.as_str())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for RefusedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedBatch")
            .field("refused_at", &self.refused_at())
            .field("code", &self.code)
            .field("reason", &self.reason)
            .field("records", &self.records)
            .field("username", &self.username())
            .finish_non_exhaustive()
    }
}
