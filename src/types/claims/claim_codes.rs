//! Read codes, of roles, permissions and groups, from claims.

use hashbrown::HashSet;
use serde_json::{Map, Value};

use super::claim_path::ClaimPath;

/// Where codes are, and how they are written there.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    pub(super) path: ClaimPath,
    pub(super) form: Form,
}

#[derive(Clone, Debug)]
pub(super) enum Form {
    /// A string, or an array of strings.
    Texts,
    /// An array of objects, or one of them, with the code in this member.
    Member(Box<str>),
    /// An object whose members' names are the codes.
    Names,
    /// Texts that are lists, with this between; white space around codes is none of theirs.
    Separated(char),
    /// Texts that are lists, with blanks between (RFC 6749 section 3.3).
    Lists,
}

/// Returns the codes of these values, each once.
pub(super) fn of<'a>(values: impl IntoIterator<Item = Option<&'a Value>>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for value in values {
        collect(&mut all, value, &Form::Texts);
    }
    each_once(all)
}

/// Returns the codes at these places, each once.
pub(super) fn at<'a>(claims: &'a Map<String, Value>, places: &[Codes]) -> Vec<&'a str> {
    let mut all = Vec::new();
    for place in places {
        collect(&mut all, place.path.of(claims), &place.form);
    }
    each_once(all)
}

/// Returns the scopes of an access token, each once: `scope` (RFC 6749 section 3.3, RFC 8693 section 4.2) and `scp`, each a
/// text of words or an array.
#[cfg(feature = "jwt")]
pub(crate) fn scopes(claims: &Map<String, Value>) -> Vec<&str> {
    let mut all = Vec::new();
    for name in ["scope", "scp"] {
        collect(&mut all, claims.get(name), &Form::Lists);
    }
    each_once(all)
}

/// Returns each of these once, in the order in which they come first.
pub(super) fn each_once(mut codes: Vec<&str>) -> Vec<&str> {
    if codes.len() > 1 {
        let mut seen = HashSet::with_capacity(codes.len());
        codes.retain(|code| seen.insert(*code));
    }
    codes
}

/// Collects the codes of a value, also those that are there already: see [`each_once`].
pub(super) fn collect<'a>(all: &mut Vec<&'a str>, value: Option<&'a Value>, form: &Form) {
    let Some(value) = value else { return };
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let mut add = |code: &'a str| {
        if !code.is_empty() {
            all.push(code);
        }
    };
    for value in values {
        match (form, value) {
            (Form::Texts, Value::String(code)) => add(code),
            (Form::Lists, Value::String(list)) => list.split_ascii_whitespace().for_each(&mut add),
            (Form::Separated(by), Value::String(list)) => list.split(*by).map(str::trim).for_each(&mut add),
            (Form::Member(member), Value::Object(object)) => {
                if let Some(Value::String(code)) = object.get(&**member) {
                    add(code);
                }
            }
            (Form::Names, Value::Object(object)) => object.keys().for_each(|name| add(name)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_are_collected_once_in_their_order() {
        let claims = json!({ "a": ["read", "write", ""], "b": "write admin", "c": { "read": 1, "list": 2 } });
        let place = |path: &str, form| Codes { path: ClaimPath::new(path), form };
        let places = [place("a", Form::Texts), place("b", Form::Lists), place("c", Form::Names)];
        assert_eq!(at(claims.as_object().unwrap(), &places), ["read", "write", "admin", "list"]);
    }

    /// With a look at all the others for each, these would be minutes.
    #[test]
    fn hundred_thousands_of_scopes_are_collected() {
        let scopes: Vec<String> = (0..200_000).map(|n| n.to_string()).collect();
        let list = json!(scopes.join(" "));
        let mut all = vec![];
        collect(&mut all, Some(&list), &Form::Lists);
        collect(&mut all, Some(&list), &Form::Lists);
        assert_eq!(each_once(all), scopes);
    }
}
