//! Decode responses: the data, or the rejection.

use serde_json::Value;

use super::data::ReadData;
use super::failure::{Cause, Failure};
use super::rejection::Rejection;
use crate::types::claims::unique_json;
use crate::types::envelope::Envelope;

/// Decodes the data of a response, or the rejection.
pub(super) fn decode<R: ReadData>(body: &[u8]) -> Result<Result<R, Rejection>, Failure> {
    if let Some(answer) = R::read_at_once(body) {
        return Ok(Ok(answer));
    }
    decode_tree(body)
}

/// Decodes by way of a tree, which takes whatever is an answer.
pub(super) fn decode_tree<R: ReadData>(body: &[u8]) -> Result<Result<R, Rejection>, Failure> {
    let Envelope { code, message, data } = envelope(body).ok_or_else(|| {
        let reason =
            "the answer is not an auth center envelope; expected JSON with `code`, `message` and `data`";
        Failure::new(reason, Cause::Call)
    })?;
    if code != 0 {
        return Ok(Err(Rejection { code, message, data }));
    }
    let unreadable = |_| Failure::new("the `data` of the answer has an unexpected shape", Cause::Up);
    R::read(data.unwrap_or_default()).map(Ok).map_err(unreadable)
}

/// Reads what `Envelope<Value>` would, without building the data once more.
fn envelope(body: &[u8]) -> Option<Envelope<Value>> {
    let mut fields = unique_json::parse(body)?;
    let code = fields.get("code")?.as_i64()?;
    let message = match fields.remove("message") {
        Some(Value::String(message)) => message,
        None | Some(Value::Null) => String::new(),
        Some(_) => return None,
    };
    let data = fields.remove("data").filter(|data| !data.is_null());
    Some(Envelope { code, message, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::spelling::Record;

    #[test]
    fn answers_are_decoded() {
        const NO_ENVELOPE: &str = "the answer is not an auth center envelope";
        const OTHER_DATA: &str = "the `data` of the answer has an unexpected shape";
        for (body, expected) in [
            (r#"{"code": 0, "message": "ok", "data": {"id": 7}}"#, Ok("data 7")),
            (r#"{"data": {"id": 7}, "code": 0}"#, Ok("data 7")),
            (r#"{"code": 0, "message": null, "data": {"id": 7, "id": 8}, "more": [{}]}"#, Ok("data 8")),
            (r#"{"code": 401, "message": "no", "data": null}"#, Ok("rejected 401 no, None")),
            (r#"{"code": -1, "data": {"why": 1}}"#, Ok(r#"rejected -1 , Some(Object {"why": Number(1)})"#)),
            (r#"{"code": 0, "data": {"name": 7}}"#, Err(OTHER_DATA)),
            (r#"{"code": 0, "data": [7]}"#, Err(OTHER_DATA)),
            (r#"{"code": 0, "data": null}"#, Err(OTHER_DATA)),
            (r#"{"code": 0}"#, Err(OTHER_DATA)),
            (r#"{"code": 0, "code": 0, "data": {"id": 7}}"#, Err(NO_ENVELOPE)),
            (r#"{"code": 0, "data": {"id": 8}, "data": {"id": 7}}"#, Err(NO_ENVELOPE)),
            (r#"{"code": 0.0, "data": {"id": 7}}"#, Err(NO_ENVELOPE)),
            (r#"{"code": "0", "data": {"id": 7}}"#, Err(NO_ENVELOPE)),
            (r#"{"code": null, "data": {"id": 7}}"#, Err(NO_ENVELOPE)),
            (r#"{"code": 9223372036854775808, "data": {"id": 7}}"#, Err(NO_ENVELOPE)),
            (r#"{"code": 0, "message": 7, "data": {"id": 7}}"#, Err(NO_ENVELOPE)),
            (r#"{"message": "ok", "data": {"id": 7}}"#, Err(NO_ENVELOPE)),
            (r#"{"code": 0, "data": {"id": 7}} x"#, Err(NO_ENVELOPE)),
            (r#"[0, "ok", {"id": 7}]"#, Err(NO_ENVELOPE)),
            ("<html>", Err(NO_ENVELOPE)),
            ("", Err(NO_ENVELOPE)),
        ] {
            #[derive(serde::Deserialize)]
            struct Data {
                id: u64,
            }

            let decoded = match decode::<Record<Data>>(body.as_bytes()) {
                Ok(Ok(data)) => Ok(format!("data {}", data.0.id)),
                Ok(Err(Rejection { code, message, data })) => {
                    Ok(format!("rejected {code} {message}, {data:?}"))
                }
                Err(failure) => Err(failure.reason),
            };
            match expected {
                Ok(expected) => assert_eq!(decoded.as_deref().ok(), Some(expected), "{body}"),
                Err(expected) => assert!(decoded.is_err_and(|reason| reason.starts_with(expected)), "{body}"),
            }
        }
    }
}
