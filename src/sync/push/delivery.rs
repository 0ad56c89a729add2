//! A chunk on its way to the auth center: sent again while that may help, and taken apart where it is refused.

use std::time::Duration;

use serde_json::Value;

use super::super::engine::Engine;
use super::super::error::{SyncError, SyncErrorKind};
use super::{Chunk, Done, PushFailure};
use crate::backoff::Backoff;
use crate::client::{SyncReport, SyncUser};
use crate::transport::Unreported;

/// After so many vain attempts in a row, the push ends: resume it when the auth center is back.
const ATTEMPTS: usize = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What the auth center made of some users.
#[derive(Default)]
struct Tally {
    created: u64,
    skipped: u64,
    failures: Vec<PushFailure>,
}

pub(super) async fn deliver(engine: &Engine, chunk: Chunk) -> Result<Done, SyncError> {
    let mut tally = Tally::default();
    // What is refused as a whole is halved until the culprit is alone.
    let mut parts = vec![&*chunk.users];
    while let Some(part) = parts.pop() {
        match (send(engine, part).await?, part) {
            (_, []) => {}
            (Ok(report), _) => tally.add(&report, part),
            (Err(reason), [user]) => {
                tally.failures.push(PushFailure { user: user.username().to_owned(), reason });
            }
            (Err(_), _) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
    }
    let Tally { created, skipped, failures } = tally;
    Ok(chunk.done(created, skipped, failures))
}

/// The report on these users, or why they are refused together.
async fn send(engine: &Engine, users: &[SyncUser]) -> Result<Result<SyncReport, String>, SyncError> {
    if users.is_empty() {
        return Ok(Ok(SyncReport::default()));
    }
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut attempt = 1;
    loop {
        let stopped = |error| {
            let what = format!("the auth center could not be given users from `{}` on", first(users));
            SyncError::new(SyncErrorKind::AuthCenter, what).with_source(error)
        };
        match engine.client.push_users(users).await {
            Ok(report) => return Ok(Ok(report)),
            // It is this service that is refused, or sent elsewhere, and so is every user.
            Err(Unreported::ForGood(error, 300..=399 | 401..=405 | 407 | 410)) => return Err(stopped(error)),
            Err(Unreported::ForGood(error, _)) => return Ok(Err(error.to_string())),
            Err(Unreported::ForNow(error, _)) if attempt == ATTEMPTS => return Err(stopped(error)),
            Err(Unreported::ForNow(error, asked)) => {
                let pause = backoff.pause().max(asked.unwrap_or_default());
                tracing::warn!(%error, attempt, ?pause, "users are sent again");
                tokio::time::sleep(pause).await;
                attempt += 1;
            }
        }
    }
}

fn first(users: &[SyncUser]) -> &str {
    users.first().map_or("", SyncUser::username)
}

impl Tally {
    /// Takes no more for these users than there are, and counts those as failed of whom nothing is said.
    fn add(&mut self, report: &SyncReport, users: &[SyncUser]) {
        let sent = users.len() as u64;
        let created = report.success.min(sent);
        let skipped = report.skipped.min(sent - created);
        let failures: Vec<_> =
            report.errors.iter().take(users.len()).map(|error| failure(error, users)).collect();
        let said = created + skipped + failures.len() as u64;
        self.created += created;
        self.skipped += skipped;
        self.failures.extend(failures);
        for _ in said..sent {
            let reason = "the auth center does not say what became of a user".to_owned();
            self.failures.push(PushFailure { user: UNNAMED.to_owned(), reason });
        }
    }
}

const UNNAMED: &str = "unnamed";

/// The auth center words failures as it likes: a text, or an object with a name and a reason. What would show a password
/// is left out.
fn failure(error: &Value, users: &[SyncUser]) -> PushFailure {
    let found = |names: &[&str]| names.iter().find_map(|name| error.get(name).filter(|it| !it.is_null()));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let user = found(&["username", "user", "name"]);
    // It may be all that was sent of him.
    let user = user.map(|user| text(user.get("username").unwrap_or(user)));
    let user = user.filter(|user| users.iter().any(|sent| sent.username() == user) || !tells(user, users));
    let reason = text(found(&["error", "message", "reason"]).unwrap_or(error));
    let reason = if tells(&reason, users) {
        "the auth center's reason repeats a password".to_owned()
    } else {
        reason.chars().take(500).collect()
    };
    PushFailure { user: user.unwrap_or_else(|| UNNAMED.to_owned()), reason }
}

/// Whether a text shows the password of one of these users, as it is or as JSON has it.
fn tells(text: &str, users: &[SyncUser]) -> bool {
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
    fn reports() {
        let vague = "the auth center does not say what became of a user";
        let secret = "the auth center's reason repeats a password";
        let users: Vec<_> =
            ["a", "b", "c"].map(|name| SyncUser::with_password(name, format!("{name}\"hunter2"))).into();
        for (report, created, skipped, failures) in [
            (json!({"total": 3, "success": 2, "skipped": 1}), 2, 1, vec![]),
            (json!({"total": 3, "success": 3, "skipped": 3, "failed": 3}), 3, 0, vec![]),
            (json!({"total": 3, "success": u64::MAX, "skipped": u64::MAX}), 3, 0, vec![]),
            (json!({"total": 3, "success": 1, "failed": u64::MAX}), 1, 0, vec![("unnamed", vague); 2]),
            (json!({"total": 3, "success": 0}), 0, 0, vec![("unnamed", vague); 3]),
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
                vec![("a", secret), ("unnamed", "no"), ("unnamed", secret)],
            ),
            (json!({"total": 1, "success": 2, "errors": vec!["no"; 9]}), 2, 0, vec![("unnamed", "no"); 3]),
        ] {
            let mut tally = Tally::default();
            let said = report.to_string();
            tally.add(&serde_json::from_value(report).unwrap(), &users);
            let named: Vec<_> =
                tally.failures.iter().map(|failure| (&*failure.user, &*failure.reason)).collect();
            assert_eq!((tally.created, tally.skipped, named), (created, skipped, failures), "{said}");
        }
        let long = json!({"user": "a", "error": "长".repeat(10_000)});
        assert_eq!(failure(&long, &users).reason.chars().count(), 500);
    }
}
