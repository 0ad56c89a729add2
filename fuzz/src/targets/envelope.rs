//! An answer about a user, read in one pass and as a tree: what the first reads, the second reads the same, and the plainest answers are read.

use aigc_auth::__fuzz as internals;

pub(super) fn run(data: &[u8]) {
    let Some(at_once) = internals::user_at_once(data) else {
        // Never panics, whatever it is.
        let _ = internals::user_of_tree(data);
        assert!(!is_plain(data), "not read in one pass: {}", String::from_utf8_lossy(data));
        return;
    };
    match internals::user_of_tree(data) {
        Some(tree) => assert_eq!(at_once, tree, "{}", String::from_utf8_lossy(data)),
        // A member that nobody reads is passed over by the one, and decoded by the other.
        None => assert!(
            serde_json::from_slice::<serde_json::Value>(data).is_err()
                && serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok(),
            "the tree has no user: {}",
            String::from_utf8_lossy(data)
        ),
    }
}

/// Whether an answer has what it needs, and nothing else: a reader that leaves everything to the tree is found out by them.
fn is_plain(data: &[u8]) -> bool {
    let id_and_username = |data: &[u8]| {
        let answer: serde_json::Value = serde_json::from_slice(data).ok()?;
        Some((answer["data"]["id"].as_u64()?, answer["data"]["username"].as_str()?.to_owned()))
    };
    let Some((id, username)) = id_and_username(data) else { return false };
    (1..=64).contains(&username.len())
        && username.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && data == format!(r#"{{"code":0,"data":{{"id":{id},"username":"{username}"}}}}"#).as_bytes()
}
