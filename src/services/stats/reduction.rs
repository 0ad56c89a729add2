//! Reduce what is too large for a call: a batch to its halves, a record to what billing needs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::batch::{Batch, Position};

/// The field of a record that billing does not need.
const REQUEST_PARAMS: &str = "request_params";
/// The one header in there that it needs.
const X_MATCH_USERNAME: &str = "x-match-username";

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    stats: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct RequestParams {
    #[serde(default)]
    headers: Map<String, Value>,
}

/// Returns what to send in place of a batch that is too large: its halves, or its only record [reduced](reduced_record).
/// Empty if that is what was sent.
///
/// The idempotency keys are made from the batch's, so that a batch that is reduced again after a restart has parts with
/// the same keys.
pub(super) fn reduce(batch: &Batch) -> Vec<Batch> {
    let Ok(Body { stats }) = serde_json::from_slice(&batch.body) else { return Vec::new() };
    let part = |nth: u64, suffix: &str, records: &[&str]| Batch {
        idempotency_key: format!("{}-{suffix}", batch.idempotency_key),
        position: Position {
            part: batch.position.part.saturating_mul(2).saturating_add(nth),
            ..batch.position
        },
        body: format!(r#"{{"stats":[{}]}}"#, records.join(",")).into(),
        records: records.len() as u64,
        attempts: 0,
        ..batch.clone()
    };
    match &*stats {
        [] => Vec::new(),
        [record] => {
            reduced_record(record.get()).map(|reduced| part(0, "r", &[&reduced])).into_iter().collect()
        }
        records => {
            let records: Vec<_> = records.iter().map(|record| record.get()).collect();
            let (first, second) = records.split_at(records.len() / 2);
            vec![part(0, "0", first), part(1, "1", second)]
        }
    }
}

/// Returns an encoded record without its request parameters, but for the header that names the user to bill. `None` if it
/// has no others.
pub(super) fn reduced_record(json: &str) -> Option<String> {
    let mut fields: BTreeMap<&str, &RawValue> = serde_json::from_str(json).ok()?;
    let params: Option<RequestParams> = serde_json::from_str(fields.get(REQUEST_PARAMS)?.get()).ok()?;
    let mut headers = params?.headers;
    headers.retain(|name, _| name.eq_ignore_ascii_case(X_MATCH_USERNAME));
    let params = match headers.is_empty() {
        true => Value::Null,
        false => serde_json::json!({
            "headers": headers,
            "query_params": {},
            "view_params": {},
            "request_body": null,
            "form_params": {},
        }),
    };
    let params = to_raw_value(&params).ok()?;
    fields.insert(REQUEST_PARAMS, &params);
    serde_json::to_string(&fields).ok().filter(|reduced| reduced.len() < json.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reduced_records() {
        let params = |headers: Value| json!({"headers": headers, "query_params": {"a": "1"}});
        let reduced = |headers: Value| {
            json!({
                "headers": headers, "query_params": {}, "view_params": {}, "request_body": null, "form_params": {},
            })
        };
        let long = "x".repeat(100);
        for (given, expected) in [
            (params(json!({"user-agent": "curl", "x-match-path": "/p"})), Some(Value::Null)),
            (
                params(json!({"user-agent": long, "x-match-username": "bob"})),
                Some(reduced(json!({"x-match-username": "bob"}))),
            ),
            (
                params(json!({"user-agent": long, "X-Match-Username": "爱\""})),
                Some(reduced(json!({"X-Match-Username": "爱\""}))),
            ),
            (reduced(json!({"X-Match-Username": "bob"})), None),
            (json!({"request_body": long}), Some(Value::Null)),
            (Value::Null, None),
            (json!("of another kind"), None),
        ] {
            // As a number is written, so it stays.
            let record = |params: &Value| {
                format!(
                    r#"{{"api_path":"/x","request_params":{params},"response_time":0.10000000000000001}}"#
                )
            };
            let expected = expected.map(|params| record(&params));
            assert_eq!(reduced_record(&record(&given)), expected, "{given}");
        }
        assert_eq!(reduced_record("{}"), None);
        assert_eq!(reduced_record("no JSON"), None);
    }
}
