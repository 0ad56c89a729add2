//! Read a public key in PEM, also as environment variables and YAML spell it.

use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// Returns the SubjectPublicKeyInfo (RFC 7468 section 13), or what was found in its place.
///
/// Line feeds may be spaces (YAML folds lines), or the two characters `\n` (`.env` files, JSON in variables); what stands
/// around the PEM, such as quotation marks, is skipped.
pub(super) fn spki(pem: &[u8]) -> Result<SubjectPublicKeyInfoDer<'static>, String> {
    let found = || {
        let text = std::str::from_utf8(pem).ok()?;
        let (label, rest) = text.split_once(BEGIN)?.1.split_once(DASHES)?;
        // Without its end, it may be cut off.
        Some((label, rest.split_once("-----END PUBLIC KEY-----").map(|(body, _)| body)))
    };
    let damaged = || "a damaged one".to_owned();
    match found() {
        None => Err("no PEM".to_owned()),
        Some(("PUBLIC KEY", body)) => {
            let body = body.ok_or_else(damaged)?.replace("\\r", "").replace("\\n", "");
            let body: String = body.split_ascii_whitespace().collect();
            let tidy = format!("{BEGIN}PUBLIC KEY{DASHES}\n{body}\n-----END PUBLIC KEY{DASHES}\n");
            SubjectPublicKeyInfoDer::from_pem_slice(tidy.as_bytes()).map_err(|_| damaged())
        }
        Some((label, _)) => Err(format!("BEGIN {label}")),
    }
}
