//! Check the registered claims that say for whom a token is and of whom (RFC 7519 section 4.1), as a token or an answer about it
//! has them.

use serde_json::Value;

use super::shown::{list, shown, type_of};

/// Checks `aud` (section 4.1.3): a string, or an array of strings. Returns what is wrong, with what was expected and found.
pub(crate) fn check_audience(claim: Option<&Value>, accepted: &[String]) -> Result<(), String> {
    let expected = || list(accepted.iter().map(String::as_str));
    let claimed = match claim {
        None => return Err(format!("missing `aud` claim: expected {}", expected())),
        Some(Value::Array(claimed)) => claimed,
        Some(one) => std::slice::from_ref(one),
    };
    if let Some(other) = claimed.iter().find(|claimed| !claimed.is_string()) {
        let within = if claim.is_some_and(Value::is_array) { " in an array" } else { "" };
        let found = type_of(other);
        return Err(format!(
            "malformed `aud` claim: expected a string or an array of strings, found {found}{within}"
        ));
    }
    let mut claimed = claimed.iter().filter_map(Value::as_str);
    if claimed.clone().any(|claimed| accepted.iter().any(|accepted| accepted == claimed)) {
        return Ok(());
    }
    let found = list(claimed.by_ref());
    Err(format!("the token is for another audience (`aud`): expected {}, found {found}", expected()))
}

/// Checks `iss` (section 4.1.1): a string. Returns what is wrong, with what was expected and found.
pub(crate) fn check_issuer(claim: Option<&Value>, accepted: &[String]) -> Result<(), String> {
    let expected = || list(accepted.iter().map(String::as_str));
    match claim {
        Some(Value::String(issuer)) if accepted.contains(issuer) => Ok(()),
        Some(Value::String(issuer)) => {
            let same = |accepted: &String| accepted.trim_end_matches('/') == issuer.trim_end_matches('/');
            let slash = if accepted.iter().any(same) { "; they differ by a slash at the end" } else { "" };
            let found = shown(issuer);
            Err(format!(
                "the token is of another issuer (`iss`): expected {}, found {found}{slash}",
                expected()
            ))
        }
        None => Err(format!("missing `iss` claim: expected {}", expected())),
        Some(other) => Err(format!("malformed `iss` claim: expected a string, found {}", type_of(other))),
    }
}
