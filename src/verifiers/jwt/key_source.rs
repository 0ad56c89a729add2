/// Where keys come from.
#[derive(Clone)]
pub(super) enum KeySource {
    Secret(Vec<u8>),
    PublicKey(Vec<u8>),
    Jwks(String),
    Issuer(String),
}
