use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::kind::ErrorKind;
use super::language::Language;
use super::message::{self, About};
use crate::types::credential_seen::CredentialSeen;

/// Why a request was refused, or a call to the auth center failed.
///
/// Cheap to clone, so that all requests that wait for one lookup can share it. Its `Display` is for operators and never
/// holds a secret; callers of the service see [`AuthError::message`] only.
///
/// A handler may return it: it is answered as the layer answers refusals, with [`AuthError::status`] and the JSON
/// [`Envelope`](crate::error::Envelope).
///
/// ```
/// use aigc_auth::error::ErrorKind;
/// use aigc_auth::{AuthError, CurrentUser};
///
/// async fn leave(user: CurrentUser) -> Result<&'static str, AuthError> {
///     if user.username().starts_with("ak_") {
///         return Err(AuthError::new(ErrorKind::Denied).with_detail("machines cannot leave"));
///     }
///     user.require("team:leave")?;
///     Ok("good-bye")
/// }
///
/// let error = AuthError::missing_permission("team:leave");
/// assert_eq!((error.status().as_u16(), error.code()), (403, 403));
/// assert_eq!(error.to_string(), "Permission is missing (needs team:leave)");
/// ```
#[derive(Clone)]
pub struct AuthError {
    kind: ErrorKind,
    pub(super) about: About,
    /// Whether the failure says nothing of other credentials.
    is_of_one_credential: bool,
    /// 0 stands for none.
    retry_after: u8,
    pub(super) seen: CredentialSeen,
    context: Option<Arc<Context>>,
}

#[derive(Clone, Default)]
struct Context {
    detail: Cow<'static, str>,
    code: Option<i64>,
    needed: Option<Cow<'static, str>>,
    data: Option<Value>,
    feishu_code: Option<u32>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl AuthError {
    /// Creates an error of this kind, for handlers and for your own [`Verify`](crate::Verify).
    pub const fn new(kind: ErrorKind) -> Self {
        let (about, seen) = (About::Credential, CredentialSeen::Unknown);
        Self { kind, about, is_of_one_credential: false, retry_after: 0, seen, context: None }
    }

    /// Adds a detail for operators. Never put a secret into it; callers of the service do not see it.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.context_mut().detail = detail.into();
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.context_mut().source = Some(Arc::new(source));
        self
    }

    /// Sets when to retry; rounded up to whole seconds and clamped to 1–60 s.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).clamp(1, 60);
        self.retry_after = u8::try_from(seconds).unwrap_or(60);
        self
    }

    /// Marks a failure as one of this credential alone, such as a bad answer about it: the circuit breaker of
    /// `Cached` does not count it.
    ///
    /// For [`ErrorKind::Unavailable`]. Leave out for outages: no connection, no answer in time, 502 to 504.
    #[must_use]
    pub const fn of_this_credential(mut self) -> Self {
        self.is_of_one_credential = true;
        self
    }

    /// Whether the failure says nothing of other credentials.
    #[cfg(feature = "client")]
    pub(crate) const fn is_of_one_credential(&self) -> bool {
        self.is_of_one_credential
    }

    /// Adds the code that the auth center gave. It shows in the error's text; [`AuthError::code`] is it only for
    /// [`ErrorKind::Rejected`].
    #[must_use]
    pub fn with_code(mut self, code: i64) -> Self {
        self.context_mut().code = Some(code);
        self
    }

    /// Adds the diagnostics that the auth center sent.
    #[cfg(feature = "client")]
    pub(crate) fn with_data(mut self, data: Value) -> Self {
        self.context_mut().data = Some(data);
        self
    }

    /// Adds Feishu's own code.
    #[cfg(feature = "client")]
    pub(crate) fn with_feishu_code(mut self, code: Option<u32>) -> Self {
        self.context_mut().feishu_code = code;
        self
    }

    /// Returns this error without diagnostics, which are about one call, to be kept for later ones.
    #[cfg(feature = "client")]
    pub(crate) fn without_data(mut self) -> Self {
        if self.data().is_some() {
            self.context_mut().data = None;
        }
        self
    }

    /// Returns this error as one of another kind: a rejection by the auth center, for a call that defines what it means.
    #[cfg(feature = "client")]
    pub(crate) fn reclassified(mut self, as_error: &Self) -> Self {
        (self.kind, self.about) = (as_error.kind, as_error.about);
        self
    }

    /// Creates a [`ErrorKind::MissingPermission`] that names the permission, such as `report:read`.
    pub fn missing_permission(needed: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(ErrorKind::MissingPermission);
        error.context_mut().needed = Some(needed.into());
        error
    }

    /// Creates the error for an access key that is unknown or has expired: 401.
    pub fn invalid_access_key() -> Self {
        Self { about: About::AccessKey, ..Self::new(ErrorKind::InvalidCredential) }
    }

    /// Creates the error for an access key of another app than this service: 403.
    pub fn access_key_of_another_app() -> Self {
        Self { about: About::AccessKeyOfAnotherApp, ..Self::new(ErrorKind::Denied) }
    }

    /// Creates the error for an access key of an unknown type: 401.
    pub fn access_key_of_unknown_type() -> Self {
        Self { about: About::AccessKeyOfUnknownType, ..Self::new(ErrorKind::InvalidCredential) }
    }

    /// Creates the error for a request for another user, to a handler that is not made for it: 400.
    pub(crate) fn act_as_elsewhere() -> Self {
        Self { about: About::ActAsElsewhere, ..Self::new(ErrorKind::InvalidRequest) }
    }

    /// Creates the error for a request without a credential, to a layer that reads none from `Authorization`: 401.
    pub(crate) fn no_credential_elsewhere() -> Self {
        Self { about: About::CredentialElsewhere, ..Self::new(ErrorKind::MissingCredential) }
    }

    /// Whether its message is the usual one of its kind.
    pub(crate) fn has_usual_message(&self) -> bool {
        self.about == About::Credential
    }

    /// The kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The envelope's code: the HTTP status for refusals, -1 for outages, the auth center's own code for
    /// [`ErrorKind::Rejected`], and for [`ErrorKind::UnknownUser`] if it sent one.
    pub fn code(&self) -> i64 {
        let of_center = self.context.as_ref().and_then(|context| context.code);
        match (self.kind, of_center) {
            (ErrorKind::Unavailable, _) => -1,
            (ErrorKind::Rejected, code) => code.unwrap_or(-1),
            (ErrorKind::UnknownUser, Some(code)) => code,
            _ => i64::from(self.status().as_u16()),
        }
    }

    /// The HTTP status that this error is answered with.
    pub const fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// When to retry. Always there for [`ErrorKind::Unavailable`]: 1 s unless the auth center sent another time.
    pub fn retry_after(&self) -> Option<Duration> {
        match (self.retry_after, self.kind) {
            (0, ErrorKind::Unavailable) => Some(Duration::from_secs(1)),
            (0, _) => None,
            (seconds, _) => Some(Duration::from_secs(u64::from(seconds))),
        }
    }

    /// The message for callers of the service. The Chinese messages are the reference client's where it has one.
    pub const fn message(&self, language: Language) -> &'static str {
        message::of(self.about, self.kind, language)
    }

    /// The permission, role or flag that was missing, for [`ErrorKind::MissingPermission`].
    pub fn needed(&self) -> Option<&str> {
        self.context.as_ref()?.needed.as_deref()
    }

    /// The detail for operators.
    pub fn detail(&self) -> Option<&str> {
        self.context.as_ref().map(|context| &*context.detail).filter(|detail| !detail.is_empty())
    }

    /// The diagnostics that the auth center sent with a business error (SDK 1.1.60 and later), at most 4 KiB of JSON.
    ///
    /// Neither `Display` nor `Debug` shows them, and the log has them at the level debug only: their content is the auth
    /// center's. Missing if they are longer, or repeat a secret of the call.
    pub fn data(&self) -> Option<&Value> {
        self.context.as_ref()?.data.as_ref()
    }

    /// Feishu's own code, for a call of `AuthClient::send_feishu_message` that Feishu refused: the auth center writes it into
    /// its message.
    ///
    /// | code | Feishu's reason |
    /// |---|---|
    /// | 230006 | the app has no bot |
    /// | 230013 | the bot is not available to the user |
    /// | 230027 | the bot lacks a permission |
    /// | 230034 | the recipient's id is not valid |
    /// | 230053 | the user has stopped the bot from sending messages |
    pub fn feishu_code(&self) -> Option<u32> {
        self.context.as_ref()?.feishu_code
    }

    fn context_mut(&mut self) -> &mut Context {
        Arc::make_mut(self.context.get_or_insert_default())
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message(Language::English))?;
        if let Some(needed) = self.needed() {
            write!(f, " (needs {needed})")?;
        }
        if let Some(code) = self.context.as_ref().and_then(|context| context.code) {
            write!(f, " (code {code})")?;
        }
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("AuthError");
        debug.field("kind", &self.kind).field("code", &self.code());
        if let Some(needed) = self.needed() {
            debug.field("needed", &needed);
        }
        if let Some(detail) = self.detail() {
            debug.field("detail", &detail);
        }
        if let Some(source) = self.source() {
            debug.field("source", &source);
        }
        debug.finish()
    }
}

impl StdError for AuthError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.context.as_ref()?.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_shareable() {
        fn shareable<T: Send + Sync + Clone + 'static>() {}
        shareable::<AuthError>();
        assert!(size_of::<AuthError>() <= 16, "{}", size_of::<AuthError>());
        assert!(size_of::<Result<(), AuthError>>() <= 16);
    }

    #[test]
    fn codes_and_statuses() {
        for (kind, status, code) in [
            (ErrorKind::MissingCredential, 401, 401),
            (ErrorKind::InvalidCredential, 401, 401),
            (ErrorKind::Expired, 401, 401),
            (ErrorKind::CredentialTooLarge, 431, 431),
            (ErrorKind::Denied, 403, 403),
            (ErrorKind::MissingPermission, 403, 403),
            (ErrorKind::Unavailable, 503, -1),
            (ErrorKind::Misconfigured, 500, 500),
            (ErrorKind::Internal, 500, 500),
        ] {
            let error = AuthError::new(kind).with_code(7);
            assert_eq!((error.status().as_u16(), error.code()), (status, code), "{kind:?}");
        }
        assert_eq!(AuthError::new(ErrorKind::Rejected).with_code(409).code(), 409);
    }

    #[test]
    fn retry_after_is_clamped() {
        for (given, expected) in [(0, 1), (1, 1), (1_500, 2), (7_000, 7), (60_000, 60), (u64::MAX, 60)] {
            let error = AuthError::new(ErrorKind::Unavailable).with_retry_after(Duration::from_millis(given));
            assert_eq!(error.retry_after(), Some(Duration::from_secs(expected)), "{given} ms");
        }
    }

    #[cfg(feature = "client")]
    #[test]
    fn call_is_named_only_where_it_failed() {
        for (kind, english, chinese) in [
            (ErrorKind::Unavailable, "The call to the auth center failed", "调用鉴权中心失败"),
            (ErrorKind::Rejected, "The auth center refused the call", "鉴权中心拒绝了请求"),
            (ErrorKind::Internal, "Internal error", "服务内部错误"),
        ] {
            let error = AuthError::new(kind).of_call();
            assert_eq!(
                [Language::English, Language::Chinese].map(|one| error.message(one)),
                [english, chinese]
            );
        }
    }

    #[test]
    fn sources_are_kept() {
        let error = AuthError::new(ErrorKind::Unavailable)
            .with_detail("POST /user/info")
            .with_source(std::io::Error::other("connection refused"));
        assert_eq!(error.to_string(), "The credential cannot be verified right now: POST /user/info");
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
        assert!(format!("{error:?}").contains("connection refused"));
    }
}
