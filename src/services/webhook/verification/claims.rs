use std::time::SystemTime;

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::headers::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, X_WEBHOOK_SIGNATURE, single};
use super::timestamp::Timestamp;
use super::verified::VerifiedDelivery;
use crate::services::webhook::rejection::WebhookRejection;
use crate::services::webhook::signature::{self, Tag};
use crate::services::webhook::signing_key::SigningKey;

const MAX_ID_LEN: usize = 256;
/// How many signatures are tried. Senders that rotate secrets send two.
const MAX_SIGNATURES: usize = 16;

/// The signatures in a request's headers, before verification. Shares nothing with the head, which need not be kept until
/// the body has arrived.
#[derive(Debug)]
pub(crate) struct SignatureClaims {
    plain: Option<Tag>,
    timestamp: Option<Timestamp>,
    standard: Option<StandardClaims>,
}

/// The signatures of Standard Webhooks. They take precedence, since they cover the id and the timestamp as well.
#[derive(Debug)]
struct StandardClaims {
    id: Box<str>,
    timestamp: Timestamp,
    signatures: Vec<Tag>,
}

impl SignatureClaims {
    /// Reads the headers. With `standard_only`, a signature of Standard Webhooks is required.
    ///
    /// # Errors
    /// If there is no signature, or a header is malformed: no body could verify such a signature.
    pub(crate) fn from_headers(headers: &HeaderMap, standard_only: bool) -> Result<Self, WebhookRejection> {
        let sent = single(headers, X_WEBHOOK_SIGNATURE)?;
        let plain = sent.and_then(signature::from_hex);
        let timestamp = single(headers, WEBHOOK_TIMESTAMP)?.map(Timestamp::parse).transpose()?;
        let standard = match single(headers, WEBHOOK_SIGNATURE)? {
            None => None,
            Some(signatures) => {
                let id = single(headers, WEBHOOK_ID)?
                    .filter(|id| !id.is_empty() && id.len() <= MAX_ID_LEN)
                    .ok_or(WebhookRejection::unauthorized(
                    "The header webhook-id is missing, empty or over 256 bytes",
                ))?;
                let timestamp = timestamp
                    .clone()
                    .ok_or(WebhookRejection::unauthorized("The header webhook-timestamp is missing"))?;
                Some(StandardClaims { id: id.into(), timestamp, signatures: parse_signatures(signatures)? })
            }
        };
        if standard.is_none() && (plain.is_none() || standard_only) {
            return Err(WebhookRejection::unauthorized(if standard_only {
                "The signature of Standard Webhooks (webhook-signature) is missing"
            } else if sent.is_some() {
                "The header X-Webhook-Signature is not 64 digits of lower-case hex"
            } else {
                "The signature (X-Webhook-Signature or webhook-signature) is missing"
            }));
        }
        Ok(Self { plain, timestamp, standard })
    }

    /// Returns the `webhook-id`, if a signature covers it. Not verified before [`SignatureClaims::verify`].
    pub(crate) fn id(&self) -> Option<&str> {
        self.standard.as_ref().map(|standard| &*standard.id)
    }

    /// Verifies the signature over the raw body, and the timestamp.
    ///
    /// # Errors
    /// If the signature matches no key, or the timestamp is outside of the tolerance.
    pub(crate) fn verify(
        &self,
        keys: &[SigningKey],
        body: &[u8],
        now: SystemTime,
    ) -> Result<VerifiedDelivery, WebhookRejection> {
        let body_key = self.plain.and_then(|sent| verify_plain(keys, sent, body));
        let delivery = match &self.standard {
            Some(standard) => standard.is_valid(keys, body).then(|| VerifiedDelivery {
                has_id: true,
                key: Sha256::digest(standard.id.as_bytes()).into(),
                body_key,
            }),
            None => body_key.map(|key| VerifiedDelivery { has_id: false, key, body_key: None }),
        };
        let delivery = delivery.ok_or(WebhookRejection::unauthorized("The signature does not match"))?;
        match &self.timestamp {
            Some(timestamp) if !timestamp.is_within_tolerance(now) => Err(WebhookRejection::unauthorized(
                "The webhook-timestamp is more than 5 minutes from this server's time",
            )),
            _ => Ok(delivery),
        }
    }
}

impl StandardClaims {
    /// Returns whether any signature matches any key, so that secrets can be rotated.
    fn is_valid(&self, keys: &[SigningKey], body: &[u8]) -> bool {
        keys.iter().any(|key| {
            let expected = key.standard(&self.id, &self.timestamp.text, body);
            self.signatures.iter().any(|sent| signature::is_same(*sent, expected))
        })
    }
}

/// Reads the first signatures of version 1. Others, such as those of unknown versions, are ignored.
fn parse_signatures(text: &str) -> Result<Vec<Tag>, WebhookRejection> {
    let signatures: Vec<_> = text
        .split(' ')
        .filter_map(|signature| signature::from_base64(signature.strip_prefix("v1,")?))
        .take(MAX_SIGNATURES)
        .collect();
    if signatures.is_empty() {
        return Err(WebhookRejection::unauthorized(
            "The header webhook-signature has no signature `v1,<base64 of 32 bytes>`",
        ));
    }
    Ok(signatures)
}

/// Verifies an `X-Webhook-Signature`. Returns the tag under the first key, whichever key matches, so that a body has
/// the same tag under an old secret and a new one.
fn verify_plain(keys: &[SigningKey], sent: Tag, body: &[u8]) -> Option<Tag> {
    let (first, others) = keys.split_first()?;
    let tag = first.plain(body);
    let is_valid =
        signature::is_same(sent, tag) || others.iter().any(|key| signature::is_same(sent, key.plain(body)));
    is_valid.then_some(tag)
}
