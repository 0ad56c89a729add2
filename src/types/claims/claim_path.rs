use serde_json::{Map, Value};

/// The place of a claim: its name, or a JSON pointer into it (RFC 6901), such as `/realm_access/roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClaimPath(Box<str>);

impl ClaimPath {
    pub(super) fn new(path: impl Into<String>) -> Self {
        Self(path.into().into())
    }

    /// The value there; `null` is as good as none.
    pub(super) fn of<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let value = match self.0.strip_prefix('/') {
            None => claims.get(&*self.0),
            Some(path) => {
                let (name, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
                claims.get(&name.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
            }
        };
        value.filter(|value| !value.is_null())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_pointers_find_their_claim() {
        let claims = json!({
            "roles": ["a"], "a": {"b": {"c": 1}}, "https://app/roles": "x", "s/l": {"t~": 2}, "none": null, "/odd": 3,
        });
        for (path, expected) in [
            ("roles", Some(json!(["a"]))),
            ("/roles", Some(json!(["a"]))),
            ("/a/b/c", Some(json!(1))),
            ("a/b", None),
            ("https://app/roles", Some(json!("x"))),
            ("/s~1l/t~0", Some(json!(2))),
            ("none", None),
            ("/none", None),
            ("/a/x", None),
            ("/a/b/c/d", None),
            ("/~1odd", Some(json!(3))),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(ClaimPath::new(path).of(claims.as_object().unwrap()), expected.as_ref(), "{path}");
        }
    }
}
