//! Look users up.

use serde::Deserialize;
use serde_json::json;

use super::request::Request;
use crate::testing::accounts::is_active;
use crate::testing::rejection::{Outcome, Rejection};
use crate::testing::state::State;
use crate::types::user::{UserId, UserInfo};

/// The largest batch or page.
const LIMIT: usize = 100;

/// The username of the placeholder for an unknown id.
const UNKNOWN: &str = "未知用户";

fn check_len(len: usize) -> Result<(), Rejection> {
    if len > LIMIT {
        Err(Rejection::bad_request(format!("expected at most {LIMIT}, found {len}")))
    } else {
        Ok(())
    }
}

#[derive(Deserialize)]
struct UsernamesBody {
    usernames: Vec<String>,
}

pub(super) fn by_names(state: &mut State, request: &Request) -> Outcome {
    let UsernamesBody { usernames } = request.parse()?;
    check_len(usernames.len())?;
    let users = &state.accounts.users;
    let (found, not_found): (Vec<_>, Vec<_>) =
        usernames.iter().partition(|username| users.contains_key(username.as_str()));
    let found = found.into_iter().filter_map(|username| users.get(username.as_str()));
    Ok(state.dialect.users_by_name(found, &not_found))
}

pub(super) fn by_ids(state: &mut State, request: &Request) -> Outcome {
    let user_ids: Vec<UserId> = request.parse_field(state.dialect.user_ids_field())?;
    check_len(user_ids.len())?;
    let find = |id: UserId| match state.accounts.by_id(&id) {
        Some(user) => user.clone(),
        None => UserInfo::builder(id, UNKNOWN).build(),
    };
    let users: Vec<_> = user_ids.into_iter().map(find).collect();
    Ok(state.dialect.found_users(&users))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageBody {
    keyword: Option<String>,
    page: Option<usize>,
    page_size: Option<usize>,
}

pub(super) fn list(state: &mut State, request: &Request) -> Outcome {
    let PageBody { keyword, page, page_size } = request.parse()?;
    let (keyword, page, page_size) =
        (keyword.unwrap_or_default(), page.unwrap_or(1), page_size.unwrap_or(20));
    if page == 0 || page_size == 0 {
        return Err(Rejection::bad_request("`page` and `pageSize` must be at least 1"));
    }
    check_len(page_size)?;
    let matches = |user: &&UserInfo| {
        let nickname = user.nickname().unwrap_or_default();
        is_active(user) && (user.username().contains(&keyword) || nickname.contains(&keyword))
    };
    let mut users: Vec<_> = state.accounts.users.values().filter(matches).collect();
    users.sort_by_key(|user| user.id());
    let skipped = (page - 1).saturating_mul(page_size);
    let items = users.iter().skip(skipped).take(page_size).map(|user| state.dialect.found_user(user));
    let items: Vec<_> = items.collect();
    Ok(json!({"items": items, "total": users.len()}))
}
