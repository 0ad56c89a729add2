//! Looking users up.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Outcome, Refusal};
use crate::testing::people::is_active;
use crate::testing::state::World;
use crate::user::{User, UserId, UserInfo};

/// At most so many in one call.
const LIMIT: usize = 100;

/// The username that stands for an unknown id.
const UNKNOWN: &str = "未知用户";

fn check_len(len: usize) -> Result<(), Refusal> {
    if len > LIMIT { Err(Refusal::bad_request(format!("{len} are over {LIMIT}"))) } else { Ok(()) }
}

#[derive(Deserialize)]
struct Names {
    usernames: Vec<String>,
}

pub(super) fn by_names(world: &mut World, asked: &Asked) -> Outcome {
    let Names { usernames } = asked.read()?;
    check_len(usernames.len())?;
    let users = &world.people.users;
    let (known, not_found): (Vec<_>, Vec<_>) =
        usernames.iter().partition(|username| users.contains_key(username.as_str()));
    let known: Vec<_> = known.into_iter().filter_map(|username| users.get(username.as_str())).collect();
    Ok(json!({"users": known, "not_found": not_found}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ids {
    user_ids: Vec<UserId>,
}

pub(super) fn by_ids(world: &mut World, asked: &Asked) -> Outcome {
    let Ids { user_ids } = asked.read()?;
    check_len(user_ids.len())?;
    let found = |id: UserId| match world.people.by_id(&id) {
        Some(user) => json!(user),
        None => json!(UserInfo::builder(id, UNKNOWN).build()),
    };
    let users: Vec<_> = user_ids.into_iter().map(found).collect();
    Ok(json!({ "users": users }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    keyword: Option<String>,
    page: Option<usize>,
    page_size: Option<usize>,
}

pub(super) fn list(world: &mut World, asked: &Asked) -> Outcome {
    let Page { keyword, page, page_size } = asked.read()?;
    let (keyword, page, page_size) =
        (keyword.unwrap_or_default(), page.unwrap_or(1), page_size.unwrap_or(20));
    if page == 0 || page_size == 0 {
        return Err(Refusal::bad_request("pages and their sizes count from 1"));
    }
    check_len(page_size)?;
    let matches = |user: &&User| {
        let nickname = user.nickname.as_deref().unwrap_or_default();
        is_active(user) && (user.username.contains(&keyword) || nickname.contains(&keyword))
    };
    let mut users: Vec<_> = world.people.users.values().filter(matches).collect();
    users.sort_by_key(|user| &user.id);
    let skipped = (page - 1).saturating_mul(page_size);
    let items: Vec<_> = users.iter().skip(skipped).take(page_size).collect();
    Ok(json!({"items": items, "total": users.len()}))
}
