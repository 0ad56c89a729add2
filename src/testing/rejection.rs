use http::StatusCode;
use serde_json::Value;

/// The data of a successful response, or the rejection of the call.
pub(super) type Outcome = Result<Value, Rejection>;

/// Rejects a call: an HTTP status, and the code and message of the envelope.
pub(super) struct Rejection {
    pub(super) status: StatusCode,
    pub(super) code: i64,
    pub(super) message: String,
}

impl Rejection {
    /// A business error: HTTP 200 with this code.
    pub(super) fn business(code: i64, message: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, code, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::business(400, message)
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::business(404, message)
    }

    /// An HTTP error, whose status is the code as well.
    pub(super) fn http(status: StatusCode, message: &str) -> Self {
        Self { status, code: status.as_u16().into(), message: message.to_owned() }
    }

    /// A table has no room for another row.
    pub(super) fn full(table: &str, rows: usize) -> Self {
        let message = format!("the center has no room: it keeps at most {rows} {table}");
        Self { status: StatusCode::INSUFFICIENT_STORAGE, code: 507, message }
    }

    /// A row takes more than this many bytes.
    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the body is too large: the center keeps at most {limit} bytes of it");
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, code: 413, message }
    }
}
