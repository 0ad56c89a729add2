use std::net::{IpAddr, SocketAddr};

use aigc_auth::AuthClient;
use aigc_auth::error::BuildError;
use aigc_auth::webhook::Subscription;
use http::Uri;

use crate::{is_set, variable};

/// Subscribes this service to the auth center's events, signed with `AIGC_AUTH_WEBHOOK_SECRET`: at `AIGC_AUTH_WEBHOOK_URL`, or else
/// at the address that it listens on, if that and the auth center are on this machine. `None` if neither is so.
///
/// # Errors
///
/// `AIGC_AUTH_WEBHOOK_SECRET` is not set, or no secret.
pub fn subscribe(client: &AuthClient, address: SocketAddr) -> Result<Option<Subscription>, BuildError> {
    if is_set(&["AIGC_AUTH_WEBHOOK_URL"]) {
        return Subscription::from_env(client).map(Some);
    }
    let center = variable("AIGC_AUTH_BASE_URL");
    let secret = variable("AIGC_AUTH_WEBHOOK_SECRET");
    // An auth center elsewhere would send the events to itself.
    let (Some(secret), true) = (secret, address.ip().is_loopback() && center.is_none_or(|url| is_here(&url)))
    else {
        println!(
            "not subscribed to the auth center's events: set AIGC_AUTH_WEBHOOK_URL to where it reaches /webhook/auth"
        );
        return Ok(None);
    };
    Subscription::builder(client, format!("http://{address}/webhook/auth"), secret).start().map(Some)
}

fn is_here(url: &str) -> bool {
    let url = url.parse::<Uri>().ok();
    let host = url.as_ref().and_then(Uri::host).unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
