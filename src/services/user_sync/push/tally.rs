//! Count the auth center's report on a chunk, without showing passwords.

use serde_json::Value;

use super::failure::PushFailure;
use crate::verifiers::client::{SyncReport, SyncUser};

/// The results of the users that were sent.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) created: u64,
    pub(super) skipped: u64,
    pub(super) failures: Vec<PushFailure>,
}

impl Tally {
    /// Adds the report on these users. Counts no more results than users, and users without a result as failed.
    pub(super) fn add(&mut self, report: &SyncReport, users: &[SyncUser]) {
        let sent = users.len() as u64;
        let created = report.success.min(sent);
        let skipped = report.skipped.min(sent - created);
        let failures: Vec<_> =
            report.errors.iter().take(users.len()).map(|error| to_failure(error, users)).collect();
        let reported = created + skipped + failures.len() as u64;
        self.created += created;
        self.skipped += skipped;
        self.failures.extend(failures);
        for _ in reported..sent {
            let reason = "the auth center's report has no result for a user".to_owned();
            self.failures.push(PushFailure { user: UNNAMED.to_owned(), reason });
        }
    }
}

const UNNAMED: &str = "unnamed";

/// Reads an entry of the report, whose form is not specified: a text, or an object with a name and a reason. A text that
/// shows a password is left out.
fn to_failure(error: &Value, users: &[SyncUser]) -> PushFailure {
    let field = |names: &[&str]| names.iter().find_map(|name| error.get(name).filter(|it| !it.is_null()));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let user = field(&["username", "user", "name"]);
    // It may be an object with all fields that were sent, the password among them.
    let user = user.map(|user| text(user.get("username").unwrap_or(user)));
    let user =
        user.filter(|user| users.iter().any(|sent| sent.username() == user) || !shows_password(user, users));
    let reason = text(field(&["error", "message", "reason"]).unwrap_or(error));
    let reason = if shows_password(&reason, users) {
        "the auth center's reason is not shown, since it contains a password".to_owned()
    } else {
        reason.chars().take(500).collect()
    };
    PushFailure { user: user.unwrap_or_else(|| UNNAMED.to_owned()), reason }
}

/// Whether a text contains the password of one of these users, as it is or escaped as in JSON.
fn shows_password(text: &str, users: &[SyncUser]) -> bool {
    users.iter().map(SyncUser::secret).any(|secret| {
        let quoted = Value::from(secret).to_string();
        text.contains(secret) || text.contains(quoted.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_user_is_counted_once_and_passwords_are_not_shown() {
        let missing = "the auth center's report has no result for a user";
        let redacted = "the auth center's reason is not shown, since it contains a password";
        let users: Vec<_> =
            ["a", "b", "c"].map(|name| SyncUser::with_password(name, format!("{name}\"hunter2"))).into();
        for (report, created, skipped, failures) in [
            (json!({"total": 3, "success": 2, "skipped": 1}), 2, 1, vec![]),
            (json!({"total": 3, "success": 3, "skipped": 3, "failed": 3}), 3, 0, vec![]),
            (json!({"total": 3, "success": u64::MAX, "skipped": u64::MAX}), 3, 0, vec![]),
            (json!({"total": 3, "success": 1, "failed": u64::MAX}), 1, 0, vec![("unnamed", missing); 2]),
            (json!({"total": 3, "success": 0}), 0, 0, vec![("unnamed", missing); 3]),
            (
                json!({"total": 3, "success": 0, "failed": 3, "errors": ["a: no", 7, null]}),
                0,
                0,
                vec![("unnamed", "a: no"), ("unnamed", "7"), ("unnamed", "null")],
            ),
            (
                json!({"total": 3, "success": 0, "failed": 3, "errors": [
                    {"user": "a", "error": "no"},
                    {"username": "b", "message": {"email": ["bad"]}},
                    {"name": "c", "reason": null, "index": 2},
                ]}),
                0,
                0,
                vec![
                    ("a", "no"),
                    ("b", r#"{"email":["bad"]}"#),
                    ("c", r#"{"index":2,"name":"c","reason":null}"#),
                ],
            ),
            (
                json!({"total": 3, "success": 0, "errors": [
                    {"user": {"username": "a", "password": "a\"hunter2"}, "error": "`a\"hunter2` is weak"},
                    {"user": {"login": "b", "password": "b\"hunter2"}, "error": "no"},
                    {"login": "c", "password": "c\"hunter2"},
                ]}),
                0,
                0,
                vec![("a", redacted), ("unnamed", "no"), ("unnamed", redacted)],
            ),
            (json!({"total": 1, "success": 2, "errors": vec!["no"; 9]}), 2, 0, vec![("unnamed", "no"); 3]),
        ] {
            let mut tally = Tally::default();
            let text = report.to_string();
            tally.add(&serde_json::from_value(report).unwrap(), &users);
            let named: Vec<_> =
                tally.failures.iter().map(|failure| (&*failure.user, &*failure.reason)).collect();
            assert_eq!((tally.created, tally.skipped, named), (created, skipped, failures), "{text}");
        }
        let long = json!({"user": "a", "error": "长".repeat(10_000)});
        assert_eq!(to_failure(&long, &users).reason.chars().count(), 500);
    }
}
