use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Returns the parameters of a path that matched this template of axum, with `{name}` and `{*rest}`.
pub(super) fn path_params<'a>(template: &'a str, path: &'a str) -> Vec<(&'a str, Cow<'a, str>)> {
    let mut params = Vec::new();
    let mut rest = path.strip_prefix('/').unwrap_or(path);
    for part in template.strip_prefix('/').unwrap_or(template).split('/') {
        let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
        let Some((before, name, behind)) = parameter(part) else {
            rest = after;
            continue;
        };
        match name.strip_prefix('*') {
            // A wildcard takes the rest of the path.
            Some(name) => {
                params.push((name, decode(rest)));
                break;
            }
            None => {
                let value = segment.strip_prefix(before).and_then(|value| value.strip_suffix(behind));
                params.extend(value.map(|value| (name, decode(value))));
                rest = after;
            }
        }
    }
    params
}

/// Splits a template's segment around its parameter, if it has one.
fn parameter(part: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = part.split_once('{')?;
    // `{{` is an escaped brace.
    if rest.starts_with('{') {
        return None;
    }
    let (name, behind) = rest.split_once('}')?;
    Some((before, name, behind))
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_params_are_decoded_by_template() {
        for (template, path, expected) in [
            ("/users/{id}", "/users/7", &[("id", "7")][..]),
            ("/users/{id}", "/users/%E7%88%B1%2F7", &[("id", "爱/7")]),
            ("/a/{b}/c/{d}", "/a/1/c/2", &[("b", "1"), ("d", "2")]),
            ("/files/{*path}", "/files/a/b%20c", &[("path", "a/b c")]),
            ("/{a}/{*rest}", "/x/y/z", &[("a", "x"), ("rest", "y/z")]),
            ("/v{version}/x.{kind}", "/v2/x.json", &[("version", "2"), ("kind", "json")]),
            ("/{{literal}}/{id}", "/{literal}/7", &[("id", "7")]),
            ("/users", "/users", &[]),
            ("/", "/", &[]),
        ] {
            let params = path_params(template, path);
            let params: Vec<_> = params.iter().map(|(name, value)| (*name, &**value)).collect();
            assert_eq!(params, expected, "{template} {path}");
        }
    }
}
