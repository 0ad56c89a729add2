//! Read JSON twice: once for where the items are, and then each item, since serde_json tells no positions of values.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::located::{Fault, Located, Position, Positions};
use super::model::Seed;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `users` and so on")]
struct File<'a> {
    #[serde(borrow, default)]
    apps: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    groups: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    users: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    tokens: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    access_keys: Vec<&'a RawValue>,
    #[serde(default)]
    configs: BTreeMap<String, Value>,
}

pub(crate) fn parse(text: &str) -> Result<Seed, Fault> {
    // serde takes a sequence for a struct, too.
    if text.trim_start().starts_with('[') {
        let at = Position::of(text, text.len() - text.trim_start().len());
        return Err(Fault {
            at: Some(at),
            text: "expected an object with `users` and so on, found an array".to_owned(),
        });
    }
    let file: File<'_> =
        serde_json::from_str(text).map_err(|error| fault(&error, text, Position { line: 1, column: 1 }))?;
    Ok(Seed {
        apps: items(text, &file.apps)?,
        groups: items(text, &file.groups)?,
        users: items(text, &file.users)?,
        tokens: items(text, &file.tokens)?,
        access_keys: items(text, &file.access_keys)?,
        configs: file.configs,
    })
}

fn items<T: DeserializeOwned>(text: &str, items: &[&RawValue]) -> Result<Vec<Located<T>>, Fault> {
    let mut positions = Positions::new(text);
    let one = |item: &&RawValue| {
        // Borrowed from the text, and so a part of it.
        let offset = (item.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let at = positions.of(offset);
        let value = serde_json::from_str(item.get()).map_err(|error| fault(&error, item.get(), at))?;
        Ok(Located { value, at })
    };
    items.iter().map(one).collect()
}

/// The position of the error, and its text without it.
fn fault(error: &serde_json::Error, text: &str, outer: Position) -> Fault {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    // serde_json counts bytes, and none of them at the end of a line.
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let before = line.char_indices().take_while(|(at, _)| at + 1 < error.column()).count();
    let at = Position { line: error.line(), column: before + 1 }.within(outer);
    Fault { at: Some(at), text: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_where_an_editor_shows_them() {
        for (text, line, column) in [
            ("{\"users\": [}", 1, 12),
            ("{\"公开\": 1}", 1, 5),
            ("{\n  \"users\": [{\"username\": \"公开\", \"x\": 1}]}", 2, 34),
            ("{\"users\": \"a\nb\"}", 2, 1),
        ] {
            let fault = parse(text).unwrap_err();
            assert_eq!(fault.at, Some(Position { line, column }), "{text}: {}", fault.text);
        }
    }
}
