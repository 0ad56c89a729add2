use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::located::{Fault, Located, Position};
use super::model::{Seed, SeedApp, SeedGroup, SeedKey, SeedToken, SeedUser};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    apps: Vec<Spanned<SeedApp>>,
    #[serde(default)]
    groups: Vec<Spanned<SeedGroup>>,
    #[serde(default)]
    users: Vec<Spanned<SeedUser>>,
    #[serde(default)]
    tokens: Vec<Spanned<SeedToken>>,
    #[serde(default)]
    access_keys: Vec<Spanned<SeedKey>>,
    #[serde(default)]
    configs: BTreeMap<String, Value>,
}

pub(crate) fn parse(text: &str) -> Result<Seed, Fault> {
    let file: File = toml::from_str(text).map_err(|error| Fault {
        at: error.span().map(|span| Position::of(text, span.start)),
        text: error.message().to_owned(),
    })?;
    Ok(Seed {
        apps: located(text, file.apps),
        groups: located(text, file.groups),
        users: located(text, file.users),
        tokens: located(text, file.tokens),
        access_keys: located(text, file.access_keys),
        configs: file.configs,
    })
}

fn located<T>(text: &str, items: Vec<Spanned<T>>) -> Vec<Located<T>> {
    let one = |item: Spanned<T>| {
        let at = Position::of(text, item.span().start);
        Located { value: item.into_inner(), at }
    };
    items.into_iter().map(one).collect()
}
