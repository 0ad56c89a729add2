use serde::Deserialize;
use serde_json::Value;

/// What is read of a key of a set (RFC 7517 section 4). Other members are ignored, certificates among them; `null` is as good
/// as absent.
#[derive(Deserialize)]
pub(crate) struct Jwk {
    pub(super) kty: String,
    /// Of no other type (RFC 7517 section 4.5).
    #[serde(rename = "kid")]
    _kid: Option<String>,
    #[serde(rename = "use")]
    pub(super) public_key_use: Option<String>,
    pub(super) key_ops: Option<Vec<String>>,
    pub(super) alg: Option<String>,
    pub(super) crv: Option<String>,
    pub(super) n: Option<String>,
    pub(super) e: Option<String>,
    pub(super) x: Option<String>,
    pub(super) y: Option<String>,
}

impl Jwk {
    pub(crate) fn parse(json: &Value) -> Result<Self, &'static str> {
        Self::deserialize(json).map_err(|_| "malformed JWK: a member is missing, or of another type")
    }
}
