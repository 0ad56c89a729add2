//! The caller, for extractors that know nothing of impersonation.

use http::request::Parts;

use crate::request::impersonation::is_refused_somewhere;
use crate::request::target_header::requested_target;
use crate::request::{auth_state, context};
use crate::types::error::AuthError;
use crate::types::user::UserInfo;

/// The user, or the error of an extractor that requires one.
pub(crate) fn required(parts: &Parts) -> Result<&UserInfo, AuthError> {
    let user = auth_state::required(&parts.extensions)?;
    check(parts, user)?;
    Ok(user)
}

/// Rejects a request for another user, if the policy says that no handler may ignore that.
pub(crate) fn check(parts: &Parts, user: &UserInfo) -> Result<(), AuthError> {
    if !is_refused_somewhere() || !context::refuses_act_as_elsewhere() {
        return Ok(());
    }
    match requested_target(&parts.headers, user) {
        None => Ok(()),
        Some(Ok(id)) if id == *user.id() => Ok(()),
        Some(_) => Err(AuthError::act_as_elsewhere().with_detail(
            "X-Act-As-User-Id was sent to a handler that acts for the caller only (`ActAsPolicy::refuse_elsewhere`): take \
             `ActAsUser`, before other extractors of the user",
        )),
    }
}
