use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of refusals by [`ErrorResponder::problem`](crate::error::ErrorResponder::problem): problem details (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Problem details (RFC 9457).")]
#[non_exhaustive]
pub struct Problem {
    /// `about:blank`: no more is meant than the status says.
    #[schema(example = "about:blank")]
    pub r#type: String,
    /// The phrase of the status.
    #[schema(example = "Unauthorized")]
    pub title: String,
    /// The status.
    #[schema(example = 401)]
    pub status: u16,
    /// The message for the caller.
    pub detail: String,
    /// The code of the envelope: the status, or -1 in an outage.
    #[schema(example = 401)]
    pub code: i64,
}
