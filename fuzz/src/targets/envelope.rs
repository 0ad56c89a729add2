//! An answer about a user, read in one pass and as a tree: what the first reads, the second reads the same.

use aigc_auth::__fuzz as internals;

pub(super) fn run(data: &[u8]) {
    let Some(at_once) = internals::user_at_once(data) else {
        // Never panics, whatever it is.
        let _ = internals::user_of_tree(data);
        return;
    };
    match internals::user_of_tree(data) {
        Some(tree) => assert_eq!(at_once, tree, "{}", String::from_utf8_lossy(data)),
        // A member that nobody reads is passed over by the one, and decoded by the other.
        None => assert!(
            serde_json::from_slice::<serde_json::Value>(data).is_err(),
            "the tree has no user: {}",
            String::from_utf8_lossy(data)
        ),
    }
}
