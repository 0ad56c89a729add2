//! Where a fault can be.

use super::faults::ALL;

/// Of the protocol, and of the log-in. The console offers the same (`console/fault_names.js`).
const ENDPOINTS: [&str; 30] = [
    "/user/info",
    "/token/verify",
    "/permission/check",
    "/access-key/verify",
    "/access-key/create",
    "/users/batch",
    "/users/batch-by-ids",
    "/users/list",
    "/users/compare-identity",
    "/users/authorize-by-token",
    "/groups/list",
    "/sync/user",
    "/sync/batch",
    "/webhook/register",
    "/webhook/unregister",
    "/service/register",
    "/service/heartbeat",
    "/service/unregister",
    "/stats/report/batch",
    "/feishu/message",
    "/feishu/identity/users/sync",
    "/feishu/identity/users/token",
    "/.well-known/openid-configuration",
    "/oauth/authorize",
    "/oauth/log-in",
    "/oauth/token",
    "/oauth/jwks",
    "/oauth/userinfo",
    "/oauth/revoke",
    "/oauth/end-session",
];

/// Rejects an endpoint that nobody calls: a fault there would never be seen.
///
/// # Errors
/// What is expected.
pub(super) fn check_endpoint(endpoint: &str) -> Result<(), String> {
    if endpoint == ALL || ENDPOINTS.contains(&endpoint) {
        return Ok(());
    }
    let all = ENDPOINTS.join(", ");
    Err(format!("expected an endpoint such as `/user/info`, or `*`; there are {all}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn console_offers_the_same() {
        let script = include_str!("../../console/fault_names.js");
        let (_, list) = script.split_once("ENDPOINTS = [").unwrap();
        let offered: Vec<_> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(offered, ENDPOINTS);
    }
}
