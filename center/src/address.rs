//! By which addresses the ports are reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Returns the address by which this machine reaches one that is listened on: nobody connects to `0.0.0.0`.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Rejects a `--url` that cannot be an issuer: a path would be in front of the protocol's own.
///
/// # Errors
/// What is expected.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    let authority = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if !authority.is_empty() && authority.bytes().all(is_plain) {
        return Ok(());
    }
    Err(format!(
        "--url: expected a scheme, a host and perhaps a port, such as `https://auth.example.test`, found `{url}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_origins() {
        for (url, is_good) in [
            ("http://127.0.0.1:8600", true),
            ("https://auth.example.test/", true),
            ("http://[::1]:8600", true),
            ("", false),
            ("auth.example.test", false),
            ("http://", false),
            ("http:///", false),
            ("ftp://auth.example.test", false),
            ("http://auth.example.test/path", false),
            ("http://auth.example.test?x", false),
            ("http://user@auth.example.test", false),
        ] {
            assert_eq!(check_url(url).is_ok(), is_good, "{url}");
        }
    }

    #[test]
    fn address_of_all_is_reached_by_loopback() {
        for (address, expected) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("127.0.0.2:1", "127.0.0.2:1"),
            ("192.0.2.7:1", "192.0.2.7:1"),
        ] {
            assert_eq!(reachable(address.parse().unwrap()), expected.parse().unwrap());
        }
    }
}
