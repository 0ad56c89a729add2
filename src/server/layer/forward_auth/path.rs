//! Paths that every server reads alike, so that a rule about them means the same behind the proxy.

use percent_encoding::percent_decode_str;

/// Whether every server sees the same segments in this path.
///
/// Not if one of them is empty or leads upwards, or if an escape stands for a separator, for `%`, for a control character, for
/// no UTF-8, or for a character that needs none: a server that decodes such a path before it looks, or twice, or never, reads
/// `/%61dmin` and `/x/%2e%2e/admin` otherwise than another.
pub(super) fn is_unambiguous(path: &str) -> bool {
    let Some(inside) = path.strip_prefix('/') else { return false };
    if inside.is_empty() {
        return true;
    }
    if path.contains('\\') || !are_escapes_needed(path) || percent_decode_str(path).decode_utf8().is_err() {
        return false;
    }
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    // Dots and spaces at a name's end are none to Windows.
    inside
        .split('/')
        .all(|segment| !name(segment).replace("%20", " ").trim_end_matches(['.', ' ']).is_empty())
}

/// The segment without parameters, which some servers drop: `/admin;x=1` is `/admin` to them.
fn name(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

fn are_escapes_needed(path: &str) -> bool {
    path.split('%').skip(1).all(|after| {
        let byte = after.get(..2).filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let Some(byte) = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) else { return false };
        let needs_none = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !needs_none && !byte.is_ascii_control() && !b"/\\%;?#".contains(&byte)
    })
}

/// Whether an unambiguous path is this one or below it, by whole segments, decoded, in any case: some servers ignore that.
pub(super) fn is_at_or_below(path: &str, prefix: &str) -> bool {
    let mut names = path.split('/').skip(1).map(name);
    prefix.split('/').skip(1).filter(|segment| !segment.is_empty()).all(|expected| {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().to_lowercase();
        // To Windows, `/admin.` and `/admin%20` are `/admin`.
        let trimmed = |text: &str| decoded(text).trim_end_matches(['.', ' ']).to_owned();
        names.next().is_some_and(|found| trimmed(found) == trimmed(expected))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_paths() {
        for (path, expected) in [
            ("/", true),
            ("/admin", true),
            ("/admin/", true),
            ("/a/b.c/d~e/%E6%8A%A5%20x", true),
            ("/报表", true),
            ("/a;v=1/b", true),
            ("/.well-known/x..y", true),
            ("", false),
            ("*", false),
            ("//admin", false),
            ("/a//b", false),
            ("/admin//", false),
            ("/./admin", false),
            ("/x/../admin", false),
            ("/x/..", false),
            ("/x/..;/admin", false),
            ("/x/.../admin", false),
            ("/x/..%20/admin", false),
            ("/;x/admin", false),
            ("/%61dmin", false),
            ("/%2e%2e/admin", false),
            ("/x%2fadmin", false),
            ("/x%5Cadmin", false),
            ("/x\\admin", false),
            ("/admin%3bx", false),
            ("/%2561dmin", false),
            ("/%c0%afadmin", false),
            ("/admin%3fx", false),
            ("/admin%23x", false),
            ("/admin%00", false),
            ("/admin%", false),
            ("/admin%4", false),
            ("/admin%zz", false),
            ("/admin%+1", false),
        ] {
            assert_eq!(is_unambiguous(path), expected, "{path}");
        }
    }

    #[test]
    fn paths_below_a_prefix() {
        for (path, prefix, expected) in [
            ("/admin", "/admin", true),
            ("/admin/", "/admin", true),
            ("/admin/users", "/admin", true),
            ("/ADMIN", "/admin", true),
            ("/admin;x=1/users", "/admin", true),
            ("/admin./users", "/admin", true),
            ("/admin%20", "/admin", true),
            ("/Admin.%20./users", "/admin", true),
            ("/administration", "/admin", false),
            ("/x/admin", "/admin", false),
            ("/", "/admin", false),
            ("/anything", "/", true),
            ("/", "/", true),
            ("/a/b", "/a/b/", true),
            ("/a", "/a/b", false),
            ("/%e6%8a%a5", "/报", true),
            ("/B%C3%9CRO", "/büro", true),
            ("/报", "/%E6%8A%A5", true),
        ] {
            assert_eq!(is_at_or_below(path, prefix), expected, "{path} below {prefix}");
        }
    }
}
