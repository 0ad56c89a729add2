//! Check what a parser does not: that names are there once, and that what is named is there.

use std::collections::BTreeMap;

use aigc_auth::testing;

use super::located::{Fault, Located, Position};
use super::model::{KeyType, Seed, SeedKey};
use super::text::Text;
use crate::log_in::check_redirect_uri;

type Known<'a> = BTreeMap<&'a str, Position>;

pub(crate) fn check(seed: &Seed) -> Result<(), Fault> {
    let apps = once("app", &seed.apps, |app| &app.id)?;
    once("group", &seed.groups, |group| &group.code)?;
    let users = once("user", &seed.users, |user| &user.username)?;
    once("token", &seed.tokens, |token| &token.token)?;
    once("access key", &seed.access_keys, |key| &key.key)?;
    user_ids_once(seed)?;
    group_ids_once(seed)?;
    for app in &seed.apps {
        in_header("the id of an app", Some(&app.value.id), app.at)?;
        in_header("the secret of an app", app.value.secret.as_ref(), app.at)?;
        let uris = app.value.redirect_uris.iter().chain(&app.value.post_logout_redirect_uris);
        for uri in uris {
            check_redirect_uri(&uri.0).map_err(|text| at(app.at, text))?;
        }
    }
    for token in &seed.tokens {
        in_header("a token", Some(&token.value.token), token.at)?;
        if token.value.token.0.starts_with("ak_") {
            let text = "a token does not start with `ak_`: services take it for an access key";
            return Err(at(token.at, text.to_owned()));
        }
        known("user", &users, &token.value.user, token.at)?;
        if let Some(app) = &token.value.app {
            known("app", &apps, app, token.at)?;
        }
    }
    for key in &seed.access_keys {
        in_header("an access key", Some(&key.value.key), key.at)?;
        check_key(key, &users, &apps)?;
    }
    Ok(())
}

fn once<'a, T>(what: &str, items: &'a [Located<T>], name: fn(&T) -> &Text) -> Result<Known<'a>, Fault> {
    let mut seen = Known::new();
    for item in items {
        let name = name(&item.value).0.as_str();
        if let Some(first) = seen.insert(name, item.at) {
            // Tokens and keys are secrets; the position is enough.
            let shown =
                if matches!(what, "token" | "access key") { String::new() } else { format!(" `{name}`") };
            return Err(at(item.at, format!("duplicate {what}{shown}: the first is at {first}")));
        }
    }
    Ok(seen)
}

/// Also of those that are made from the name; 7 and "7" are the same to OpenID Connect, whose subjects are texts.
fn user_ids_once(seed: &Seed) -> Result<(), Fault> {
    let mut seen = BTreeMap::new();
    for user in &seed.users {
        let id = user.value.id.as_ref().map(|id| id.0.to_string());
        let id = id.unwrap_or_else(|| testing::user_id(&user.value.username.0).to_string());
        if let Some(first) = seen.insert(id.clone(), user.at) {
            return Err(at(user.at, format!("duplicate user id `{id}`: the first is at {first}")));
        }
    }
    Ok(())
}

fn group_ids_once(seed: &Seed) -> Result<(), Fault> {
    let mut seen = BTreeMap::new();
    for group in &seed.groups {
        let Some(id) = group.value.id else { continue };
        if let Some(first) = seen.insert(id, group.at) {
            return Err(at(group.at, format!("duplicate group id `{id}`: the first is at {first}")));
        }
    }
    Ok(())
}

/// Rejects a text that no request can bring.
fn in_header(what: &str, text: Option<&Text>, position: Position) -> Result<(), Fault> {
    let is_sent = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    match text {
        Some(text) if !text.0.bytes().all(is_sent) => {
            Err(at(position, format!("{what} has letters beyond ASCII, and is sent in an HTTP header")))
        }
        _ => Ok(()),
    }
}

fn known(what: &str, known: &Known<'_>, name: &Text, position: Position) -> Result<(), Fault> {
    if known.contains_key(name.0.as_str()) {
        return Ok(());
    }
    Err(at(position, format!("unknown {what} `{name}`: add it to the file, or correct the name")))
}

fn check_key(key: &Located<SeedKey>, users: &Known<'_>, apps: &Known<'_>) -> Result<(), Fault> {
    let SeedKey { key: text, r#type, user, app, .. } = &key.value;
    let wrong = |text: &str| Err(at(key.at, text.to_owned()));
    if !text.0.starts_with("ak_") {
        return wrong("an access key starts with `ak_`: services take any other text for a token");
    }
    match (r#type, user, app) {
        (KeyType::User, Some(user), None) => known("user", users, user, key.at),
        (KeyType::User, ..) => wrong("a key of type `user` has `user`, and no `app`"),
        (KeyType::App, None, Some(app)) => known("app", apps, app, key.at),
        (KeyType::Global, None, None) => Ok(()),
        (KeyType::App, ..) => wrong("a key of type `app` has `app`, and no `user`"),
        (KeyType::Global, ..) => wrong("a key of type `global` has neither `user` nor `app`"),
    }
}

fn at(position: Position, text: String) -> Fault {
    Fault { at: Some(position), text }
}
