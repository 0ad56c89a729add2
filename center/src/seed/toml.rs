use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Number, Value};
use toml::Spanned;

use super::located::{Fault, Located, Position, Positions};
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
    configs: BTreeMap<String, Spanned<toml::Value>>,
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
        configs: file
            .configs
            .into_iter()
            .map(|(name, config)| Ok((name, in_json(text, config)?)))
            .collect::<Result<_, _>>()?,
    })
}

fn located<T>(text: &str, items: Vec<Spanned<T>>) -> Vec<Located<T>> {
    let mut positions = Positions::new(text);
    let one = |item: Spanned<T>| {
        let at = positions.of(item.span().start);
        Located { value: item.into_inner(), at }
    };
    items.into_iter().map(one).collect()
}

/// What services get of a value, which is JSON: dates and times as texts.
fn in_json(text: &str, config: Spanned<toml::Value>) -> Result<Value, Fault> {
    let start = config.span().start;
    value(config.into_inner()).ok_or_else(|| Fault {
        at: Some(Position::of(text, start)),
        text:
            "expected numbers that JSON has, found `nan` or `inf`: services get their configuration as JSON"
                .to_owned(),
    })
}

/// `None` if there is a number in it that JSON does not have.
fn value(value: toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => Value::Number(Number::from_f64(number)?),
        toml::Value::Boolean(is_true) => Value::Bool(is_true),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(self::value).collect::<Option<_>>()?,
        toml::Value::Table(members) => {
            let members = members.into_iter().map(|(name, value)| Some((name, self::value(value)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configurations_are_read_as_json() {
        let text = "[configs.orders]\nsince = 2024-01-01\nat = [07:32:00, 1979-05-27T07:32:00Z]\nlimit = 5\nrate = 1.5\non = true\n";
        let expected = json!({"since": "2024-01-01", "at": ["07:32:00", "1979-05-27T07:32:00Z"], "limit": 5, "rate": 1.5, "on": true});
        assert_eq!(parse(text).unwrap().configs["orders"], expected);
        for (number, line) in [("nan", 2), ("-inf", 2), ("[1.5, { x = inf }]", 2)] {
            let fault = parse(&format!("[configs]\norders = {number}\n")).unwrap_err();
            assert!(fault.text.contains("`nan` or `inf`"), "{fault:?}");
            assert_eq!(fault.at.map(|at| at.line), Some(line), "{number}");
        }
    }
}
