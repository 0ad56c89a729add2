//! Create users of Feishu accounts, and issue tokens of them.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::json;

use super::request::Request;
use crate::testing::accounts::Accounts;
use crate::testing::limits::weight;
use crate::testing::rejection::{Outcome, Rejection};
use crate::testing::state::State;
use crate::testing::timestamp::iso_8601;
use crate::testing::users;
use crate::types::user::{FeishuIds, UserId, UserInfo, UserInfoBuilder};

/// The code for a user that has to be created by `/feishu/identity/users/sync` first.
const NO_SUCH_USER: i64 = 40401;

/// In seconds.
const DEFAULT_EXPIRES_IN: u64 = 86_400;
const MAX_EXPIRES_IN: u64 = 604_800;

/// By what a user is found. Empty texts are none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    username: Option<String>,
    feishu_user_id: Option<String>,
    feishu_open_id: Option<String>,
    feishu_union_id: Option<String>,
    feishu_tenant_key: Option<String>,
}

impl Identity {
    fn parse(request: &Request) -> Result<Self, Rejection> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let identity: Self = request.parse()?;
        Ok(Self {
            username: given(identity.username),
            feishu_user_id: given(identity.feishu_user_id),
            feishu_open_id: given(identity.feishu_open_id),
            feishu_union_id: given(identity.feishu_union_id),
            feishu_tenant_key: given(identity.feishu_tenant_key),
        })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        [&self.username, &self.feishu_user_id, &self.feishu_open_id, &self.feishu_union_id]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// Compares each given name with that of the user.
    fn matches(&self, user: &UserInfo) -> impl Iterator<Item = bool> {
        let ids = user.feishu().filter(|ids| self.is_tenant_of(ids));
        [
            (&self.username, Some(user.username())),
            (&self.feishu_user_id, ids.and_then(FeishuIds::user_id)),
            (&self.feishu_open_id, ids.and_then(FeishuIds::open_id)),
            (&self.feishu_union_id, ids.and_then(FeishuIds::union_id)),
        ]
        .into_iter()
        .filter_map(|(given, known)| Some(known == Some(given.as_deref()?)))
    }

    /// Feishu accounts of different tenants may have the same user id.
    fn is_tenant_of(&self, ids: &FeishuIds) -> bool {
        match (self.feishu_tenant_key.as_deref(), ids.tenant_key()) {
            (Some(given), Some(known)) => given == known,
            _ => true,
        }
    }

    /// Sets the ids that are missing.
    fn complete(&self, ids: FeishuIds) -> FeishuIds {
        if !self.is_tenant_of(&ids) {
            return ids;
        }
        type Set<'a> = fn(FeishuIds, &'a str) -> FeishuIds;
        let missing: [(bool, &Option<String>, Set<'_>); 4] = [
            (ids.user_id().is_none(), &self.feishu_user_id, FeishuIds::with_user_id),
            (ids.open_id().is_none(), &self.feishu_open_id, FeishuIds::with_open_id),
            (ids.union_id().is_none(), &self.feishu_union_id, FeishuIds::with_union_id),
            (ids.tenant_key().is_none(), &self.feishu_tenant_key, FeishuIds::with_tenant_key),
        ];
        missing.into_iter().fold(ids, |ids, (is_missing, given, set)| match given {
            Some(given) if is_missing => set(ids, given),
            _ => ids,
        })
    }
}

#[derive(Deserialize)]
struct Profile {
    nickname: Option<String>,
    department: Option<String>,
    company: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    avatar: Option<String>,
    status: Option<String>,
}

/// Creates a user, or reuses the one who has any of the names. Of an existing user only missing Feishu ids are set:
/// without them, a token could not be issued by them afterwards.
pub(super) fn sync(state: &mut State, request: &Request) -> Outcome {
    let identity = Identity::parse(request)?;
    let profile: Profile = request.parse()?;
    let first = identity.names().next().ok_or(Rejection::bad_request(
        "expected one of `username`, `feishuUserId`, `feishuOpenId` and `feishuUnionId`",
    ))?;
    state.check_row(weight(&request.body))?;
    let accounts = &state.accounts;
    let existing: Vec<_> =
        accounts.users.values().filter(|user| identity.matches(user).any(|same| same)).collect();
    let (user, created) = match existing.as_slice() {
        [] => {
            state.check_account("users", accounts.users.len())?;
            let username = identity.username.clone().unwrap_or_else(|| new_username(accounts, first));
            (with_profile(users::user(username), profile).build(), true)
        }
        [user] => (UserInfo::clone(user), false),
        _ => return Err(Rejection::business(409, "the names are those of several users")),
    };
    let ids = identity.complete(user.feishu().cloned().unwrap_or_default());
    let user = user.to_builder().feishu(ids).build();
    let mut data = state.dialect.token_user(&user, None);
    data["created"] = created.into();
    state.accounts.put(user);
    Ok(data)
}

fn new_username(accounts: &Accounts, feishu_id: &str) -> String {
    let mut username = format!("feishu_{feishu_id}");
    while accounts.users.contains_key(username.as_str()) {
        username.push('_');
    }
    username
}

fn with_profile(user: UserInfoBuilder, profile: Profile) -> UserInfoBuilder {
    type Set = fn(UserInfoBuilder, String) -> UserInfoBuilder;
    let texts: [(_, Set); 7] = [
        (profile.nickname, UserInfoBuilder::nickname),
        (profile.department, UserInfoBuilder::department),
        (profile.company, UserInfoBuilder::company),
        (profile.email, UserInfoBuilder::email),
        (profile.phone, UserInfoBuilder::phone),
        (profile.avatar, UserInfoBuilder::avatar),
        (profile.status, UserInfoBuilder::status),
    ];
    texts.into_iter().fold(user, |user, (text, set)| match text {
        Some(text) => set(user, text),
        None => user,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenBody {
    user_id: Option<UserId>,
    expires_in: Option<u64>,
}

/// Issues a token of the user who has all of the names.
pub(super) fn issue_token(state: &mut State, request: &Request) -> Outcome {
    let identity = Identity::parse(request)?;
    let TokenBody { user_id, expires_in } = request.parse()?;
    if user_id.is_none() && identity.names().next().is_none() {
        return Err(Rejection::bad_request(
            "expected one of `userId`, `username`, `feishuUserId`, `feishuOpenId` and `feishuUnionId`",
        ));
    }
    let expires_in = expires_in.unwrap_or(DEFAULT_EXPIRES_IN);
    if !(1..=MAX_EXPIRES_IN).contains(&expires_in) {
        return Err(Rejection::bad_request(format!("`expiresIn` must be from 1 to {MAX_EXPIRES_IN}")));
    }
    let is_meant = |user: &&UserInfo| {
        user_id.as_ref().is_none_or(|id| user.id() == id) && identity.matches(user).all(|same| same)
    };
    let user = state.accounts.users.values().find(is_meant);
    let user = user.ok_or(Rejection::business(NO_SUCH_USER, "no such user: create them first"))?;
    let username = state.accounts.user(user.username())?.username().to_owned();
    if state.check_account("tokens", state.accounts.tokens.len()).is_err() {
        state.accounts.purge();
    }
    state.check_account("tokens", state.accounts.tokens.len())?;
    let expires_at = SystemTime::now() + Duration::from_secs(expires_in);
    let token = state.accounts.make_token(&request.app, username, expires_at);
    Ok(json!({"accessToken": token, "expiresAt": iso_8601(expires_at)}))
}
