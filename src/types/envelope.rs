//! The JSON envelope of responses.

use serde::{Deserialize, Serialize};

/// `{"code": …, "message": …, "data": …}`, the body of every response of the auth center and of every refusal.
///
/// `code` is 0 for success, an HTTP-like number for a business error, and -1 for an outage.
///
/// ```
/// use aigc_auth::error::Envelope;
///
/// let refusal: Envelope<()> = serde_json::from_str(r#"{"code": 403, "message": "no", "data": null}"#)?;
/// assert_eq!(refusal, Envelope::failure(403, "no"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "utoipa",
    schema(description = "The body of every response of the auth center, and of refusals.")
)]
pub struct Envelope<T> {
    /// 0 for success; anything else is an error.
    pub code: i64,
    /// A human-readable message. Empty if absent.
    #[serde(default = "String::new", deserialize_with = "null_as_empty")]
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub message: String,
    /// The answer; `null` on errors.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub data: Option<T>,
}

fn null_as_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

impl<T> Envelope<T> {
    /// A successful answer.
    pub fn success(data: T) -> Self {
        Self { code: 0, message: "success".to_owned(), data: Some(data) }
    }

    /// An error without data.
    pub fn failure(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_an_explicit_null() {
        let json = serde_json::to_string(&Envelope::<()>::failure(401, "no")).unwrap();
        assert_eq!(json, r#"{"code":401,"message":"no","data":null}"#);
    }

    #[test]
    fn what_may_be_left_out() {
        for (json, expected) in [
            (r#"{"code":0,"data":1}"#, Some(Envelope { code: 0, message: String::new(), data: Some(1) })),
            (r#"{"code":401,"message":null}"#, Some(Envelope::failure(401, ""))),
            (r#"{"message":"a page of some other server"}"#, None),
            (r#"[]"#, None),
        ] {
            assert_eq!(serde_json::from_str::<Envelope<i32>>(json).ok(), expected, "{json}");
        }
    }
}
