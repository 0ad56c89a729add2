use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::claims::SignatureClaims;
use super::headers::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, X_WEBHOOK_SIGNATURE};
use super::timestamp::Timestamp;
use super::verified::VerifiedDelivery;
use crate::services::webhook::signature;
use crate::services::webhook::signing_key::SigningKey;

const NOW: i64 = 1_800_000_000;
const ID: &str = "msg_1";
const BODY: &[u8] = br#"{"event": "user.updated", "data": {"id": 7}}"#;

fn key(secret: &str) -> SigningKey {
    SigningKey::new(&secret.into()).unwrap()
}

fn ours() -> SigningKey {
    key("a secret of the tests")
}

fn v1(key: &SigningKey, id: &str, timestamp: i64, body: &[u8]) -> String {
    v1_verbatim(key, id, &timestamp.to_string(), body)
}

fn v1_verbatim(key: &SigningKey, id: &str, timestamp: &str, body: &[u8]) -> String {
    format!("v1,{}", signature::to_base64(key.standard(id, timestamp, body)))
}

fn plain(body: &[u8]) -> String {
    signature::to_hex(ours().plain(body))
}

/// Verifies a request with these headers; those with `None` are missing.
fn verify(
    fields: &[(&'static str, Option<&str>)],
    body: &[u8],
    keys: &[SigningKey],
    now: i64,
    standard_only: bool,
) -> Result<VerifiedDelivery, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        if let Some(value) = value {
            headers.append(*name, value.parse().unwrap());
        }
    }
    let now = UNIX_EPOCH + Duration::from_secs(now.try_into().unwrap());
    let verified = SignatureClaims::from_headers(&headers, standard_only)
        .and_then(|claims| claims.verify(keys, body, now));
    verified.map_err(|rejection| {
        assert_eq!(rejection.status(), 401, "{rejection}");
        rejection.to_string()
    })
}

/// Verifies a message of Standard Webhooks with this id, timestamp and signatures.
fn standard(id: Option<&str>, timestamp: Option<&str>, signatures: &str) -> Result<VerifiedDelivery, String> {
    let fields = [(WEBHOOK_ID, id), (WEBHOOK_TIMESTAMP, timestamp), (WEBHOOK_SIGNATURE, Some(signatures))];
    verify(&fields, BODY, &[ours()], NOW, false)
}

#[track_caller]
fn assert_rejected(verified: &Result<VerifiedDelivery, String>, why: &str, what: &str) {
    let Err(message) = verified else { panic!("accepted: {what}") };
    assert!(message.contains(why), "{what}: {message}");
}

/// Vectors from the reference libraries: svix for JavaScript, and the Rust crate standardwebhooks.
#[test]
fn reference_vectors_of_standard_webhooks_verify() {
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
        let fields =
            [(WEBHOOK_ID, Some(id)), (WEBHOOK_TIMESTAMP, Some(&*text)), (WEBHOOK_SIGNATURE, Some(signature))];
        let keys = [key];
        assert!(verify(&fields, body.as_bytes(), &keys, timestamp, true).is_ok(), "{id}");
        let changed = format!("{body} ");
        assert_rejected(&verify(&fields, changed.as_bytes(), &keys, timestamp, true), "does not match", id);
    }
}

#[test]
fn timestamp_within_300_seconds_is_accepted() {
    let far = "more than 5 minutes from";
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
        let verified = standard(Some(ID), Some(&text), &right);
        // Not covered by the plain signature, but checked if present.
        let fields = [(X_WEBHOOK_SIGNATURE, Some(&*plain(BODY))), (WEBHOOK_TIMESTAMP, Some(&*text))];
        let unsigned = verify(&fields, BODY, &[ours()], NOW, false);
        for verified in [verified, unsigned] {
            match why {
                None => assert!(verified.is_ok(), "{timestamp}: {verified:?}"),
                Some(why) => assert_rejected(&verified, why, &text),
            }
        }
    }
}

#[test]
fn server_clock_before_1970_or_far_ahead_does_not_overflow() {
    for now in [UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(1 << 40)] {
        for seconds in [i64::MIN, -1, 0, i64::MAX] {
            let timestamp = Timestamp { text: "".into(), seconds };
            assert_eq!(timestamp.is_within_tolerance(now), now < UNIX_EPOCH && (-1..=0).contains(&seconds));
        }
    }
}

#[test]
fn id_and_timestamp_in_seconds_are_required() {
    let now = NOW.to_string();
    let signed = |id: &str, timestamp: &str| v1_verbatim(&ours(), id, timestamp, BODY);
    let (longest, too_long) = ("i".repeat(256), "i".repeat(257));
    for (id, timestamp, why) in [
        (Some(ID), Some(&*now), None),
        (Some(&*longest), Some(&*now), None),
        (Some(&*too_long), Some(&*now), Some("webhook-id is missing, empty or over 256 bytes")),
        (Some(""), Some(&*now), Some("webhook-id is missing, empty or over 256 bytes")),
        (None, Some(&*now), Some("webhook-id is missing, empty or over 256 bytes")),
        (Some(ID), None, Some("webhook-timestamp is missing")),
        (Some(ID), Some(""), Some("not a number of seconds")),
        (Some(ID), Some("now"), Some("not a number of seconds")),
        (Some(ID), Some("1800000000.0"), Some("not a number of seconds")),
        (Some(ID), Some("18e8"), Some("not a number of seconds")),
        (Some(ID), Some("9223372036854775808"), Some("not a number of seconds")),
        (Some(ID), Some("1800000000 "), Some("not a number of seconds")),
        (Some(ID), Some("0000000000000000000000001800000000"), Some("not a number of seconds")),
    ] {
        let verified = standard(id, timestamp, &signed(id.unwrap_or(""), timestamp.unwrap_or("")));
        let what = format!("{id:?} {timestamp:?}");
        match why {
            None => assert!(verified.is_ok(), "{what}: {verified:?}"),
            Some(why) => assert_rejected(&verified, why, &what),
        }
    }
}

#[test]
fn signature_covers_id_timestamp_and_body() {
    let now = NOW.to_string();
    let right = v1(&ours(), ID, NOW, BODY);
    assert!(standard(Some(ID), Some(&now), &right).is_ok());
    for (what, signature) in [
        ("another id", v1(&ours(), "msg_2", NOW, BODY)),
        ("another time", v1(&ours(), ID, NOW + 1, BODY)),
        ("another body", v1(&ours(), ID, NOW, b"{}")),
        ("another secret", v1(&key("another secret, as long"), ID, NOW, BODY)),
        ("a timestamp in another notation", v1_verbatim(&ours(), ID, &format!("+{NOW}"), BODY)),
        ("the signature of the body alone", format!("v1,{}", signature::to_base64(ours().plain(BODY)))),
    ] {
        assert_rejected(&standard(Some(ID), Some(&now), &signature), "does not match", what);
    }
}

#[test]
fn one_valid_signature_among_several_is_enough() {
    let right = v1(&ours(), ID, NOW, BODY);
    let wrong = v1(&key("another secret, as long"), ID, NOW, BODY);
    let bare = &right["v1,".len()..];
    let cut = &right[..right.len() - 4];
    let unpadded = right.trim_end_matches('=');
    let right_then = |more: &str| format!("{right} {more}");
    let wrongs = |count: usize| vec![&*wrong; count].join(" ");
    let (mismatch, misshapen) = (Some("does not match"), Some("has no signature `v1,"));
    for (signatures, why) in [
        (right.clone(), None),
        (right_then(&wrong), None),
        (format!("{wrong} {right}"), None),
        (format!("{wrong} {right} {wrong}"), None),
        (format!("v2,{bare} {right}"), None),
        (format!("v1a,{bare} {right}"), None),
        (right_then("not a signature"), None),
        (format!("  {right}  "), None),
        (format!("{} {right}", wrongs(15)), None),
        (format!("{} {right}", wrongs(16)), mismatch),
        (format!("{wrong} {wrong}"), mismatch),
        (format!("{wrong} v2,{bare}"), mismatch),
        (format!("v2,{bare}"), misshapen),
        (format!("v1a,{bare}"), misshapen),
        (format!("V1,{bare}"), misshapen),
        (bare.to_owned(), misshapen),
        (format!("v1,{right}"), misshapen),
        (right.replace(',', "="), misshapen),
        (format!("{wrong},{right}"), misshapen),
        (cut.to_owned(), misshapen),
        (unpadded.to_owned(), misshapen),
        (format!("{right}="), misshapen),
        ("v1,".to_owned(), misshapen),
        (String::new(), misshapen),
    ] {
        let verified = standard(Some(ID), Some(&NOW.to_string()), &signatures);
        match why {
            None => assert!(verified.is_ok(), "{signatures}: {verified:?}"),
            Some(why) => assert_rejected(&verified, why, &signatures),
        }
    }
}

#[test]
fn standard_signature_takes_precedence_over_plain_one() {
    let (now, long_ago) = (NOW.to_string(), (NOW - 301).to_string());
    let (right, old) = (v1(&ours(), ID, NOW, BODY), v1(&ours(), ID, NOW - 301, BODY));
    let wrong = v1(&ours(), ID, NOW, b"{}");
    let (plain, plain_wrong) = (plain(BODY), plain(b"{}"));
    // A body is identified by the first key's tag, whichever key has signed it.
    let first = key("an older secret, as long");
    let (by_id, by_body) = (Sha256::digest(ID).into(), first.plain(BODY));
    let both = Ok(VerifiedDelivery { has_id: true, key: by_id, body_key: Some(by_body) });
    let id_only = Ok(VerifiedDelivery { has_id: true, key: by_id, body_key: None });
    let body_only = Ok(VerifiedDelivery { has_id: false, key: by_body, body_key: None });
    for (what, plain, timestamp, standard, only, expected) in [
        ("both valid", Some(&plain), Some(&now), Some(&right), false, both),
        ("both valid, standard required", Some(&plain), Some(&now), Some(&right), true, both),
        ("standard only", None, Some(&now), Some(&right), true, id_only),
        ("plain invalid", Some(&plain_wrong), Some(&now), Some(&right), false, id_only),
        ("plain misshapen", Some(&plain.to_uppercase()), Some(&now), Some(&right), false, id_only),
        ("plain only", Some(&plain), None, None, false, body_only),
        (
            "plain only, misshapen",
            Some(&plain.to_uppercase()),
            None,
            None,
            false,
            Err("is not 64 digits of lower-case hex"),
        ),
        ("plain, with an unsigned timestamp", Some(&plain), Some(&now), None, false, body_only),
        (
            "plain, with an old unsigned timestamp",
            Some(&plain),
            Some(&long_ago),
            None,
            false,
            Err("5 minutes"),
        ),
        ("standard invalid", Some(&plain), Some(&now), Some(&wrong), false, Err("does not match")),
        (
            "standard with an old timestamp",
            Some(&plain),
            Some(&long_ago),
            Some(&old),
            false,
            Err("5 minutes"),
        ),
        (
            "standard without a timestamp",
            Some(&plain),
            None,
            Some(&right),
            false,
            Err("timestamp is missing"),
        ),
        ("plain, standard required", Some(&plain), None, None, true, Err("(webhook-signature)")),
        (
            "plain with a timestamp, standard required",
            Some(&plain),
            Some(&now),
            None,
            true,
            Err("(webhook-signature)"),
        ),
        ("none", None, None, None, false, Err("is missing")),
        ("none, standard required", None, Some(&now), None, true, Err("is missing")),
    ] {
        let fields = [
            (X_WEBHOOK_SIGNATURE, plain.map(String::as_str)),
            (WEBHOOK_ID, Some(ID)),
            (WEBHOOK_TIMESTAMP, timestamp.map(String::as_str)),
            (WEBHOOK_SIGNATURE, standard.map(String::as_str)),
        ];
        let verified = verify(&fields, BODY, &[first.clone(), ours()], NOW, only);
        match expected {
            Ok(delivery) => assert_eq!(verified, Ok(delivery), "{what}"),
            Err(why) => assert_rejected(&verified, why, what),
        }
    }
}

#[test]
fn repeated_signature_header_is_rejected() {
    let (now, right, plain) = (NOW.to_string(), v1(&ours(), ID, NOW, BODY), plain(BODY));
    let fields = [
        (X_WEBHOOK_SIGNATURE, Some(&*plain)),
        (WEBHOOK_ID, Some(ID)),
        (WEBHOOK_TIMESTAMP, Some(&*now)),
        (WEBHOOK_SIGNATURE, Some(&*right)),
    ];
    assert!(verify(&fields, BODY, &[ours()], NOW, true).is_ok());
    for repeated in fields {
        let mut fields = fields.to_vec();
        fields.push(repeated);
        let verified = verify(&fields, BODY, &[ours()], NOW, false);
        assert_rejected(&verified, "is repeated or not ASCII", repeated.0);
    }
}
