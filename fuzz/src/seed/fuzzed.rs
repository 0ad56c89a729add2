//! Seed files of the local center: whatever is in them, the answer is a seed or a fault that has its place in the file; and a
//! seed in JSON is the same in TOML.

use serde_json::Value;

use super::located::{Fault, Located};
use super::model::Seed;
use super::{check, json, toml};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for parsed in [json::parse(text), toml::parse(text)] {
        match parsed.and_then(|seed| check::check(&seed).map(|()| seed)) {
            Ok(seed) => {
                let shown = format!("{:?}", seed.configs);
                assert!(!shown.contains("$__"), "a name of the parser's own: {shown}");
            }
            Err(fault) => assert_is_there(text, &fault),
        }
    }
    let (Ok(document), Ok(seed)) = (serde_json::from_str::<Value>(text), json::parse(text)) else { return };
    let Some(table) = document.as_object() else { return };
    let mut as_toml = String::new();
    for (name, value) in table {
        // TOML has neither of them.
        let Some(value) = in_toml(value) else { return };
        as_toml += &format!("{} = {value}\n", quoted(name));
    }
    let other = toml::parse(&as_toml).unwrap_or_else(|fault| panic!("{fault:?} in\n{as_toml}"));
    assert_eq!(content(&seed), content(&other), "{text}\n{as_toml}");
}

fn assert_is_there(text: &str, fault: &Fault) {
    assert!(!fault.text.is_empty());
    let Some(at) = fault.at else { return };
    // A file that ends too soon may be faulty behind its last character.
    let lines: Vec<&str> = text.split('\n').collect();
    let line = lines.get(at.line - 1).unwrap_or_else(|| panic!("{at} is not in {text:?}"));
    assert!((1..=line.chars().count() + 2).contains(&at.column), "{at} is not in {text:?}: {}", fault.text);
}

fn in_toml(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.as_i64()?.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(in_toml).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| Some(format!("{} = {}", quoted(name), in_toml(value)?));
            let members: Option<Vec<_>> = members.iter().map(member).collect();
            format!("{{{}}}", members?.join(", "))
        }
    })
}

/// JSON's escapes are TOML's; of what JSON does not escape, TOML wants it of one.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// All but the places.
fn content(seed: &Seed) -> [String; 6] {
    fn values<T: std::fmt::Debug>(items: &[Located<T>]) -> String {
        items.iter().map(|item| format!("{:?}\n", item.value)).collect()
    }
    [
        values(&seed.apps),
        values(&seed.groups),
        values(&seed.users),
        values(&seed.tokens),
        values(&seed.access_keys),
        format!("{:?}", seed.configs),
    ]
}
