use std::time::{Duration, SystemTime};

use aigc_auth::UserInfo;
use aigc_auth::testing::{self, TestKey};
use aigc_auth::user::{UserGroup, UserInfoBuilder};

use super::model::{KeyType, Seed, SeedGroup, SeedKey, SeedUser};
use super::text::Text;
use crate::hub::{App, Hub};
use crate::random;

/// Fills a new center.
pub(crate) fn apply(seed: Seed, hub: &Hub) {
    let texts = |texts: Vec<Text>| texts.into_iter().map(|text| text.0).collect();
    for app in seed.apps {
        let app = app.value;
        hub.put_app(App {
            secret: app.secret.map_or_else(random::text, |secret| secret.0),
            name: app.name.map_or_else(|| app.id.0.clone(), |name| name.0),
            id: app.id.0,
            redirect_uris: texts(app.redirect_uris),
            post_logout_redirect_uris: texts(app.post_logout_redirect_uris),
        });
    }
    if hub.apps().is_empty() {
        hub.put_app(App::unnamed("1000"));
    }
    // Those without an id get one that none of the file has.
    let mut largest = seed.groups.iter().filter_map(|group| group.value.id).max().unwrap_or(0).max(0);
    for group in seed.groups {
        let group = group_of(group.value);
        hub.center().add_group(match group.id() {
            Some(_) => group,
            None => {
                largest = largest.saturating_add(1);
                group.with_id(largest)
            }
        });
    }
    let groups = hub.groups();
    for user in seed.users {
        let (user, password) = user_of(user.value, &groups);
        if let Some(password) = password {
            hub.set_password(user.username(), &password.0);
        }
        hub.center().add_user(user);
    }
    for token in seed.tokens {
        let token = token.value;
        let app = token.app.map_or_else(|| hub.first_app().id, |app| app.0);
        let lifetime = token.expires_in.map(|seconds| Duration::from_secs(seconds.into()));
        let expires_at = lifetime.map(|lifetime| SystemTime::now() + lifetime);
        hub.center().add_token_of(&app, &token.token.0, &token.user.0, expires_at);
    }
    for key in seed.access_keys {
        let (text, key) = key_of(key.value);
        hub.center().add_access_key(text, key);
    }
    for (name, config) in seed.configs {
        hub.center().set_config(name, config);
    }
}

fn group_of(group: SeedGroup) -> UserGroup {
    let mut made = UserGroup::new(group.code.0);
    if let Some(id) = group.id {
        made = made.with_id(id);
    }
    if let Some(name) = group.name {
        made = made.with_name(name.0);
    }
    match group.description {
        Some(description) => made.with_description(description.0),
        None => made,
    }
}

/// Groups of the file bring their name and id; others are a code alone.
fn user_of(user: SeedUser, groups: &[UserGroup]) -> (UserInfo, Option<Text>) {
    let group = |code: Text| {
        let known = groups.iter().find(|group| group.code() == Some(&code.0));
        known.cloned().unwrap_or_else(|| code.0.into())
    };
    let mut made = testing::user(user.username.0)
        .roles(user.roles.into_iter().map(|role| role.0))
        .permissions(user.permissions.into_iter().map(|permission| permission.0))
        .groups(user.groups.into_iter().map(group))
        .admin(user.is_admin.unwrap_or(false));
    if let Some(id) = user.id {
        made = made.id(id.0);
    }
    for (text, set) in [
        (user.nickname, UserInfoBuilder::nickname as fn(_, String) -> _),
        (user.email, UserInfoBuilder::email),
        (user.phone, UserInfoBuilder::phone),
        (user.avatar, UserInfoBuilder::avatar),
        (user.department, UserInfoBuilder::department),
        (user.company, UserInfoBuilder::company),
        (user.status, UserInfoBuilder::status),
    ] {
        if let Some(text) = text {
            made = set(made, text.0);
        }
    }
    (made.build(), user.password)
}

fn key_of(key: SeedKey) -> (String, TestKey) {
    let owner = key.user.map(|user| user.0).unwrap_or_default();
    let made = match key.r#type {
        KeyType::User => TestKey::user(owner),
        KeyType::App => TestKey::app(key.app.map(|app| app.0).unwrap_or_default()),
        KeyType::Global => TestKey::global(),
    };
    let made = match key.name {
        Some(name) => made.name(name.0),
        None => made,
    };
    (key.key.0, made)
}
