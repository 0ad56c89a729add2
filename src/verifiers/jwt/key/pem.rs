//! Read a key in PEM, also as environment variables and YAML spell it.

use rustls_pki_types::pem::PemObject;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// Longest label that is shown: what stands there in a damaged PEM may be the key.
const MAX_LABEL: usize = 40;

/// Returns what has this label (RFC 7468 section 2), or what was found in its place.
///
/// Line feeds may be spaces (YAML folds lines), or the two characters `\n` (`.env` files, JSON in variables); what stands
/// around the PEM, such as quotation marks, is skipped.
pub(crate) fn pem_block<T: PemObject>(pem: &[u8], expected: &str) -> Result<T, String> {
    let end = format!("-----END {expected}{DASHES}");
    let found = || {
        let text = std::str::from_utf8(pem).ok()?;
        let (label, rest) = text.split_once(BEGIN)?.1.split_once(DASHES)?;
        // Without its end, it may be cut off.
        Some((label, rest.split_once(&*end).map(|(body, _)| body)))
    };
    let damaged = || "a damaged one".to_owned();
    match found() {
        None => Err("no PEM".to_owned()),
        Some((label, body)) if label == expected => {
            let body = body.ok_or_else(damaged)?.replace("\\r", "").replace("\\n", "");
            let body: String = body.split_ascii_whitespace().collect();
            let tidy = format!("{BEGIN}{expected}{DASHES}\n{body}\n{end}\n");
            T::from_pem_slice(tidy.as_bytes()).map_err(|_| damaged())
        }
        Some((label, _)) if label.len() > MAX_LABEL || label.contains(|c: char| c.is_ascii_lowercase()) => {
            Err(damaged())
        }
        Some((label, _)) => Err(format!("BEGIN {label}")),
    }
}
