/// The paths that need no credential.
///
/// They are compared with the path as it was sent: lists that are matched against a path that the router or a proxy
/// decodes differently have been bypassed elsewhere (CVE-2021-31920).
#[derive(Clone, Debug, Default)]
pub(super) struct ExcludedPaths {
    paths: Vec<Box<str>>,
    /// Without a trailing slash.
    prefixes: Vec<Box<str>>,
}

impl ExcludedPaths {
    pub(super) fn add_path(&mut self, path: &str) {
        assert!(path.starts_with('/'), "excluded path must start with `/`: {path:?}");
        self.paths.push(path.into());
    }

    pub(super) fn add_prefix(&mut self, prefix: &str) {
        let trimmed = prefix.trim_end_matches('/');
        assert!(
            trimmed.starts_with('/') && is_plain(trimmed),
            "excluded prefix must start with `/`, must have no empty or dotted segments, and must not be `/`: {prefix:?}"
        );
        self.prefixes.push(trimmed.into());
    }

    /// Returns whether the path is excluded. Calls `path` only if there is a list to compare it with.
    pub(super) fn contain<'a>(&self, path: impl FnOnce() -> &'a str) -> bool {
        if self.paths.is_empty() && self.prefixes.is_empty() {
            return false;
        }
        let path = path();
        self.paths.iter().any(|excluded| **excluded == *path)
            || self.prefixes.iter().any(|prefix| is_below(path, prefix))
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || (rest.starts_with('/') && is_plain(rest)))
}

/// Returns whether every parser of this path sees the same segments: none is empty, leads upwards or hides a separator.
fn is_plain(path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let lower = path.to_ascii_lowercase();
    !lower.contains('\\')
        && !lower.contains("%2f")
        && !lower.contains("%5c")
        && (path.is_empty()
            || lower.split('/').all(|segment| {
                let segment = segment.replace("%2e", ".");
                // `;` starts a parameter that some servers drop: `/..;/` is `/../` to them.
                !matches!(segment.split(';').next(), None | Some("" | "." | ".."))
            }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_by_whole_raw_segments() {
        let mut exclusions = ExcludedPaths::default();
        exclusions.add_path("/health");
        exclusions.add_prefix("/public");
        exclusions.add_prefix("/static/");
        for (path, expected) in [
            ("/health", true),
            ("/health/", false),
            ("/HEALTH", false),
            ("/healthz", false),
            ("/admin/health", false),
            ("/%68ealth", false),
            ("/public", true),
            ("/public/", true),
            ("/public/hello", true),
            ("/public/a/b/", true),
            ("/public/a.b/%E4%BD%A0", true),
            ("/publicity", false),
            ("/public%2Fx", false),
            ("/public/../admin", false),
            ("/public/..", false),
            ("/public/./x", false),
            ("/public/%2e%2E/admin", false),
            ("/public/.%2e/admin", false),
            ("/public/..;/admin", false),
            ("/public/x%2f..%2fadmin", false),
            ("/public/x%5c..%5cadmin", false),
            ("/public/x\\..\\admin", false),
            ("/public//admin", false),
            ("//public", false),
            ("/x/public", false),
            ("/static", true),
            ("/static/app.js", true),
            ("/", false),
            ("", false),
            ("*", false),
        ] {
            assert_eq!(exclusions.contain(|| path), expected, "{path}");
        }
    }

    #[test]
    fn prefix_that_excludes_everything_panics() {
        for prefix in ["/", "", "public", "//", "/a/../b"] {
            let added = std::panic::catch_unwind(|| ExcludedPaths::default().add_prefix(prefix));
            assert!(added.is_err(), "{prefix:?}");
        }
    }
}
