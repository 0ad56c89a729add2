//! What a request brings to prove where it comes from, and whether that holds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::rejection::WebhookRejection;
use super::signature::{self, Key, Tag};

pub(super) const X_WEBHOOK_SIGNATURE: &str = "x-webhook-signature";
pub(super) const X_WEBHOOK_EVENT: &str = "x-webhook-event";
/// The headers of Standard Webhooks 1.0.0.
pub(super) const WEBHOOK_ID: &str = "webhook-id";
pub(super) const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
pub(super) const WEBHOOK_SIGNATURE: &str = "webhook-signature";

/// How far the sender's clock and ours may be apart.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
const LONGEST_ID: usize = 256;

/// The signatures in a request's headers, not checked yet.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    plain: Option<&'a str>,
    timestamp: Option<Timestamp<'a>>,
    standard: Option<Standard<'a>>,
}

/// Where there are signatures of Standard Webhooks, they decide: they cover the id and the time as well.
#[derive(Debug)]
struct Standard<'a> {
    id: &'a str,
    timestamp: Timestamp<'a>,
    signatures: &'a str,
}

#[derive(Clone, Copy, Debug)]
struct Timestamp<'a> {
    /// As it was signed.
    text: &'a str,
    seconds: i64,
}

/// A delivery that has proved its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// What it is known by: the same for each delivery of the same event.
    pub(super) delivery: Tag,
    /// What it would be known by if it came again without the headers of Standard Webhooks.
    pub(super) body: Option<Tag>,
}

impl<'a> Claims<'a> {
    /// # Errors
    /// If there is no signature, or what stands in the headers is malformed.
    pub(super) fn read(headers: &'a HeaderMap, standard_only: bool) -> Result<Self, WebhookRejection> {
        let plain = single(headers, X_WEBHOOK_SIGNATURE)?;
        let timestamp = single(headers, WEBHOOK_TIMESTAMP)?.map(Timestamp::read).transpose()?;
        let standard = match single(headers, WEBHOOK_SIGNATURE)? {
            None => None,
            Some(signatures) => {
                let id = single(headers, WEBHOOK_ID)?
                    .filter(|id| !id.is_empty() && id.len() <= LONGEST_ID)
                    .ok_or(WebhookRejection::unauthorized(
                    "The header webhook-id is missing or too long",
                ))?;
                let timestamp = timestamp
                    .ok_or(WebhookRejection::unauthorized("The header webhook-timestamp is missing"))?;
                Some(Standard { id, timestamp, signatures })
            }
        };
        if standard.is_none() && (plain.is_none() || standard_only) {
            return Err(WebhookRejection::unauthorized(if standard_only {
                "The signature of Standard Webhooks (webhook-signature) is missing"
            } else {
                "The signature (X-Webhook-Signature or webhook-signature) is missing"
            }));
        }
        Ok(Self { plain, timestamp, standard })
    }

    /// # Errors
    /// If no key has made the signature, or it was made too long ago or too far in the future.
    pub(super) fn check(
        &self,
        keys: &[Key],
        body: &[u8],
        now: SystemTime,
    ) -> Result<Proof, WebhookRejection> {
        let by_body = self.plain.and_then(|sent| matching(keys, sent, body));
        let proof = match &self.standard {
            Some(standard) => standard
                .holds(keys, body)
                .then(|| Proof { delivery: Sha256::digest(standard.id).into(), body: by_body }),
            None => by_body.map(|delivery| Proof { delivery, body: None }),
        };
        let proof = proof.ok_or(WebhookRejection::unauthorized("The signature is wrong"))?;
        match self.timestamp {
            Some(timestamp) if !timestamp.is_about(now) => Err(WebhookRejection::unauthorized(
                "The webhook-timestamp is more than 5 minutes away from this server's time",
            )),
            _ => Ok(proof),
        }
    }
}

impl Standard<'_> {
    /// Any signature of any key will do: that is how secrets are rotated. Those of other versions are not ours to read.
    fn holds(&self, keys: &[Key], body: &[u8]) -> bool {
        let sent: Vec<Tag> = self
            .signatures
            .split(' ')
            .filter_map(|signature| signature::from_base64(signature.strip_prefix("v1,")?))
            .collect();
        keys.iter().any(|key| {
            let right = key.standard(self.id, self.timestamp.text, body);
            sent.iter().any(|sent| signature::is_same(*sent, right))
        })
    }
}

impl<'a> Timestamp<'a> {
    fn read(text: &'a str) -> Result<Self, WebhookRejection> {
        let seconds = text.parse().map_err(|_| {
            WebhookRejection::unauthorized("The header webhook-timestamp is no number of seconds")
        })?;
        Ok(Self { text, seconds })
    }

    fn is_about(self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let apart = i128::from(now) - i128::from(self.seconds);
        apart.unsigned_abs() <= u128::from(TOLERANCE.as_secs())
    }
}

/// What a body is known by, if one of the keys has made this signature of it: the tag of the first key, whichever it was,
/// so that a body is the same under an old secret and a new one.
fn matching(keys: &[Key], sent: &str, body: &[u8]) -> Option<Tag> {
    let sent = signature::from_hex(sent)?;
    let (first, others) = keys.split_first()?;
    let tag = first.plain(body);
    let holds =
        signature::is_same(sent, tag) || others.iter().any(|key| signature::is_same(sent, key.plain(body)));
    holds.then_some(tag)
}

/// A header that may be there once: of two, nobody could say which one counts.
fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, WebhookRejection> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(WebhookRejection::unauthorized("A signature header is repeated or not ASCII")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const ID: &str = "msg_1";
    const BODY: &[u8] = br#"{"event": "user.updated", "data": {"id": 7}}"#;

    fn key(secret: &str) -> Key {
        Key::new(&secret.into()).unwrap()
    }

    fn ours() -> Key {
        key("a secret of the tests")
    }

    fn v1(key: &Key, id: &str, timestamp: i64, body: &[u8]) -> String {
        v1_as_written(key, id, &timestamp.to_string(), body)
    }

    fn v1_as_written(key: &Key, id: &str, timestamp: &str, body: &[u8]) -> String {
        format!("v1,{}", signature::to_base64(key.standard(id, timestamp, body)))
    }

    fn plain(body: &[u8]) -> String {
        signature::to_hex(ours().plain(body))
    }

    /// Checks a request with these headers, where `None` stands for a missing one.
    fn check(
        fields: &[(&'static str, Option<&str>)],
        body: &[u8],
        keys: &[Key],
        now: i64,
        standard_only: bool,
    ) -> Result<Proof, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            if let Some(value) = value {
                headers.append(*name, value.parse().unwrap());
            }
        }
        let now = UNIX_EPOCH + Duration::from_secs(now.try_into().unwrap());
        let checked = Claims::read(&headers, standard_only).and_then(|claims| claims.check(keys, body, now));
        checked.map_err(|rejection| {
            assert_eq!(rejection.status(), 401, "{rejection}");
            rejection.to_string()
        })
    }

    /// Checks a message of Standard Webhooks with this id, timestamp and signatures.
    fn standard(id: Option<&str>, timestamp: Option<&str>, signatures: &str) -> Result<Proof, String> {
        let fields =
            [(WEBHOOK_ID, id), (WEBHOOK_TIMESTAMP, timestamp), (WEBHOOK_SIGNATURE, Some(signatures))];
        check(&fields, BODY, &[ours()], NOW, false)
    }

    #[track_caller]
    fn assert_refused(checked: &Result<Proof, String>, why: &str, what: &str) {
        let Err(said) = checked else { panic!("taken: {what}") };
        assert!(said.contains(why), "{what}: {said}");
    }

    /// Of the reference libraries: svix's of JavaScript, and the Rust crate standardwebhooks.
    #[test]
    fn reference_vectors_of_standard_webhooks() {
        for (secret, id, timestamp, body, signature) in [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
        ] {
            let key = key(secret);
            assert_eq!(v1(&key, id, timestamp, body.as_bytes()), signature);
            let text = timestamp.to_string();
            let fields = [
                (WEBHOOK_ID, Some(id)),
                (WEBHOOK_TIMESTAMP, Some(&*text)),
                (WEBHOOK_SIGNATURE, Some(signature)),
            ];
            let keys = [key];
            assert!(check(&fields, body.as_bytes(), &keys, timestamp, true).is_ok(), "{id}");
            let changed = format!("{body} ");
            assert_refused(&check(&fields, changed.as_bytes(), &keys, timestamp, true), "is wrong", id);
        }
    }

    #[test]
    fn a_time_within_300_seconds_either_way_is_taken_and_none_beyond() {
        let far = "more than 5 minutes away";
        for (timestamp, why) in [
            (NOW, None),
            (NOW - 300, None),
            (NOW + 300, None),
            (NOW - 301, Some(far)),
            (NOW + 301, Some(far)),
            (0, Some(far)),
            (-NOW, Some(far)),
            (i64::MIN, Some(far)),
            (i64::MAX, Some(far)),
        ] {
            let (text, right) = (timestamp.to_string(), v1(&ours(), ID, timestamp, BODY));
            let checked = standard(Some(ID), Some(&text), &right);
            // It covers no time, but whoever sends one says when it was.
            let fields = [(X_WEBHOOK_SIGNATURE, Some(&*plain(BODY))), (WEBHOOK_TIMESTAMP, Some(&*text))];
            let beside = check(&fields, BODY, &[ours()], NOW, false);
            for checked in [checked, beside] {
                match why {
                    None => assert!(checked.is_ok(), "{timestamp}: {checked:?}"),
                    Some(why) => assert_refused(&checked, why, &text),
                }
            }
        }
    }

    #[test]
    fn the_clock_of_a_machine_before_1970_or_far_ahead_breaks_nothing() {
        for now in [UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(1 << 40)] {
            for seconds in [i64::MIN, -1, 0, i64::MAX] {
                let timestamp = Timestamp { text: "", seconds };
                assert_eq!(timestamp.is_about(now), now < UNIX_EPOCH && (-1..=0).contains(&seconds));
            }
        }
    }

    #[test]
    fn an_id_and_a_number_of_seconds_are_part_of_a_message() {
        let now = NOW.to_string();
        let signed = |id: &str, timestamp: &str| v1_as_written(&ours(), id, timestamp, BODY);
        let (longest, too_long) = ("i".repeat(256), "i".repeat(257));
        for (id, timestamp, why) in [
            (Some(ID), Some(&*now), None),
            (Some(&*longest), Some(&*now), None),
            (Some(&*too_long), Some(&*now), Some("webhook-id is missing or too long")),
            (Some(""), Some(&*now), Some("webhook-id is missing or too long")),
            (None, Some(&*now), Some("webhook-id is missing or too long")),
            (Some(ID), None, Some("webhook-timestamp is missing")),
            (Some(ID), Some(""), Some("no number of seconds")),
            (Some(ID), Some("now"), Some("no number of seconds")),
            (Some(ID), Some("1800000000.0"), Some("no number of seconds")),
            (Some(ID), Some("18e8"), Some("no number of seconds")),
            (Some(ID), Some("9223372036854775808"), Some("no number of seconds")),
            (Some(ID), Some("1800000000 "), Some("no number of seconds")),
        ] {
            let checked = standard(id, timestamp, &signed(id.unwrap_or(""), timestamp.unwrap_or("")));
            let what = format!("{id:?} {timestamp:?}");
            match why {
                None => assert!(checked.is_ok(), "{what}: {checked:?}"),
                Some(why) => assert_refused(&checked, why, &what),
            }
        }
    }

    #[test]
    fn each_part_of_a_message_is_signed() {
        let now = NOW.to_string();
        let right = v1(&ours(), ID, NOW, BODY);
        assert!(standard(Some(ID), Some(&now), &right).is_ok());
        for (what, signature) in [
            ("another id", v1(&ours(), "msg_2", NOW, BODY)),
            ("another time", v1(&ours(), ID, NOW + 1, BODY)),
            ("another body", v1(&ours(), ID, NOW, b"{}")),
            ("another secret", v1(&key("another secret, as long"), ID, NOW, BODY)),
            ("a number written otherwise", v1_as_written(&ours(), ID, &format!("+{NOW}"), BODY)),
            ("the signature of the body alone", format!("v1,{}", signature::to_base64(ours().plain(BODY)))),
        ] {
            assert_refused(&standard(Some(ID), Some(&now), &signature), "is wrong", what);
        }
    }

    #[test]
    fn one_right_signature_among_several_is_enough() {
        let right = v1(&ours(), ID, NOW, BODY);
        let wrong = v1(&key("another secret, as long"), ID, NOW, BODY);
        let bare = &right["v1,".len()..];
        let cut = &right[..right.len() - 4];
        let unpadded = right.trim_end_matches('=');
        let right_then = |more: &str| format!("{right} {more}");
        for (signatures, taken) in [
            (right.clone(), true),
            (right_then(&wrong), true),
            (format!("{wrong} {right}"), true),
            (format!("{wrong} {right} {wrong}"), true),
            (format!("v2,{bare} {right}"), true),
            (format!("v1a,{bare} {right}"), true),
            (right_then("not a signature"), true),
            (format!("  {right}  "), true),
            (format!("{wrong} {wrong}"), false),
            (format!("v2,{bare}"), false),
            (format!("v1a,{bare}"), false),
            (format!("V1,{bare}"), false),
            (bare.to_owned(), false),
            (format!("v1,{right}"), false),
            (right.replace(',', "="), false),
            (format!("{wrong},{right}"), false),
            (cut.to_owned(), false),
            (unpadded.to_owned(), false),
            (format!("{right}="), false),
            ("v1,".to_owned(), false),
            (String::new(), false),
        ] {
            let checked = standard(Some(ID), Some(&NOW.to_string()), &signatures);
            match taken {
                true => assert!(checked.is_ok(), "{signatures}: {checked:?}"),
                false => assert_refused(&checked, "is wrong", &signatures),
            }
        }
    }

    #[test]
    fn the_signature_of_standard_webhooks_decides_where_there_are_two_kinds() {
        let (now, long_ago) = (NOW.to_string(), (NOW - 301).to_string());
        let (right, old) = (v1(&ours(), ID, NOW, BODY), v1(&ours(), ID, NOW - 301, BODY));
        let wrong = v1(&ours(), ID, NOW, b"{}");
        let (plain, plain_wrong) = (plain(BODY), plain(b"{}"));
        // Whichever key has signed, a body is known by the first one's tag.
        let first = key("an older secret, as long");
        let (by_id, by_body) = (Sha256::digest(ID).into(), first.plain(BODY));
        let both = Ok(Proof { delivery: by_id, body: Some(by_body) });
        let id_only = Ok(Proof { delivery: by_id, body: None });
        let body_only = Ok(Proof { delivery: by_body, body: None });
        for (what, plain, timestamp, standard, only, expected) in [
            ("both right", Some(&plain), Some(&now), Some(&right), false, both),
            ("both right, one required", Some(&plain), Some(&now), Some(&right), true, both),
            ("standard only", None, Some(&now), Some(&right), true, id_only),
            ("the other wrong", Some(&plain_wrong), Some(&now), Some(&right), false, id_only),
            ("plain only", Some(&plain), None, None, false, body_only),
            ("plain, with an unsigned time", Some(&plain), Some(&now), None, false, body_only),
            (
                "plain, with a stale unsigned time",
                Some(&plain),
                Some(&long_ago),
                None,
                false,
                Err("5 minutes"),
            ),
            ("standard wrong", Some(&plain), Some(&now), Some(&wrong), false, Err("is wrong")),
            ("standard stale", Some(&plain), Some(&long_ago), Some(&old), false, Err("5 minutes")),
            ("standard without a time", Some(&plain), None, Some(&right), false, Err("timestamp is missing")),
            ("plain where more is required", Some(&plain), None, None, true, Err("(webhook-signature)")),
            ("… with a time", Some(&plain), Some(&now), None, true, Err("(webhook-signature)")),
            ("none", None, None, None, false, Err("is missing")),
            ("none where more is required", None, Some(&now), None, true, Err("is missing")),
        ] {
            let fields = [
                (X_WEBHOOK_SIGNATURE, plain.map(String::as_str)),
                (WEBHOOK_ID, Some(ID)),
                (WEBHOOK_TIMESTAMP, timestamp.map(String::as_str)),
                (WEBHOOK_SIGNATURE, standard.map(String::as_str)),
            ];
            let checked = check(&fields, BODY, &[first.clone(), ours()], NOW, only);
            match expected {
                Ok(proof) => assert_eq!(checked, Ok(proof), "{what}"),
                Err(why) => assert_refused(&checked, why, what),
            }
        }
    }

    #[test]
    fn of_two_headers_of_a_name_nobody_could_say_which_one_counts() {
        let (now, right, plain) = (NOW.to_string(), v1(&ours(), ID, NOW, BODY), plain(BODY));
        let fields = [
            (X_WEBHOOK_SIGNATURE, Some(&*plain)),
            (WEBHOOK_ID, Some(ID)),
            (WEBHOOK_TIMESTAMP, Some(&*now)),
            (WEBHOOK_SIGNATURE, Some(&*right)),
        ];
        assert!(check(&fields, BODY, &[ours()], NOW, true).is_ok());
        for repeated in fields {
            let mut fields = fields.to_vec();
            fields.push(repeated);
            let checked = check(&fields, BODY, &[ours()], NOW, false);
            assert_refused(&checked, "is repeated or not ASCII", repeated.0);
        }
    }
}
