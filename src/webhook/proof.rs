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

/// The tag that was sent, if one of the keys has made it.
fn matching(keys: &[Key], sent: &str, body: &[u8]) -> Option<Tag> {
    let sent = signature::from_hex(sent)?;
    keys.iter().any(|key| signature::is_same(sent, key.plain(body))).then_some(sent)
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
