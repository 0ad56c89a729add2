//! Remove parameters from a URI.

use http::uri::{PathAndQuery, Uri};
use percent_encoding::percent_decode_str;

/// Removes the parameters that are meant, and returns their names and values as sent. Other parameters stay byte for byte.
pub(super) fn remove(uri: &mut Uri, is_meant: impl Fn(&str) -> bool) -> Vec<(Box<str>, Box<str>)> {
    let Some(query) = uri.query() else { return Vec::new() };
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // However it is written, a handler would read it as this name.
        let name = percent_decode_str(name).decode_utf8_lossy();
        if is_meant(&name) {
            removed.push((name.into(), value.into()));
        } else {
            kept.push(pair);
        }
    }
    if removed.is_empty() {
        return removed;
    }
    let question_mark = if kept.is_empty() { "" } else { "?" };
    let rest = format!("{}{question_mark}{}", uri.path(), kept.join("&"));
    let mut parts = std::mem::take(uri).into_parts();
    // Of what was one, a part is one.
    parts.path_and_query = PathAndQuery::try_from(rest).ok();
    *uri = Uri::from_parts(parts).unwrap_or_default();
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_parameter_is_removed() {
        for (before, after, values) in [
            ("/x", "/x", &[][..]),
            ("/x?", "/x?", &[]),
            ("/x?a=1&b=2", "/x?a=1&b=2", &[]),
            ("/x?token=t", "/x", &["t"]),
            ("/x?a=1&token=t&b=2", "/x?a=1&b=2", &["t"]),
            ("/x?token=t&a=%61+b&&c", "/x?a=%61+b&&c", &["t"]),
            ("/x?a&token", "/x?a", &[""]),
            ("/x?token=", "/x", &[""]),
            ("/x?token=a%2Fb+c%3D", "/x", &["a%2Fb+c%3D"]),
            ("/x?token=a=b", "/x", &["a=b"]),
            ("/x?tok%65n=t&%74oken=u", "/x", &["t", "u"]),
            ("/x?Token=t&tokens=u&xtoken=v&token%20=w", "/x?Token=t&tokens=u&xtoken=v&token%20=w", &[]),
            ("/x?a=token=t", "/x?a=token=t", &[]),
            ("/token=t?token=u", "/token=t", &["u"]),
            ("http://host:1/x?token=t&a=1", "http://host:1/x?a=1", &["t"]),
            ("http://host?token=t", "http://host/", &["t"]),
            ("/%E7%88%B1?token=t", "/%E7%88%B1", &["t"]),
            ("host:1", "host:1", &[]),
            ("*", "*", &[]),
        ] {
            let mut uri: Uri = before.parse().unwrap();
            let removed = remove(&mut uri, |name| name == "token");
            let removed: Vec<_> = removed.iter().map(|(_, value)| &**value).collect();
            assert_eq!(
                (uri.to_string(), &*removed),
                (after.parse::<Uri>().unwrap().to_string(), values),
                "{before}"
            );
        }
    }
}
