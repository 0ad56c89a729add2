//! The client's address behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderValue};
use ipnet::IpNet;

/// The proxies whose `x-real-ip`, `x-forwarded-for` and `x-forwarded-proto` headers are trusted.
///
/// Defaults to [`private`](TrustedProxies::private). An unknown peer, because the server was started without connect
/// info, is never trusted.
///
/// `x-real-ip` comes first; of `x-forwarded-for`, the last address that is not trusted itself. A trusted proxy has to
/// set or remove each of these headers: a value that it passes on from the client is trusted, too.
///
/// ```
/// use aigc_auth::layer::TrustedProxies;
///
/// let load_balancer = TrustedProxies::only(["203.0.113.0/24".parse()?]);
/// assert!(load_balancer.contains("203.0.113.7".parse()?));
/// assert!(!load_balancer.contains("127.0.0.1".parse()?));
/// let both = TrustedProxies::private().and("203.0.113.0/24".parse()?);
/// assert!(both.contains("127.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    private: bool,
    nets: Vec<IpNet>,
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self::private()
    }
}

impl TrustedProxies {
    /// Trusts loopback, link-local and private addresses (RFC 1918, RFC 4193).
    pub fn private() -> Self {
        Self { private: true, nets: Vec::new() }
    }

    /// Trusts no proxy: the client is always the peer.
    pub fn none() -> Self {
        Self { private: false, nets: Vec::new() }
    }

    /// Trusts these networks and no others.
    pub fn only(nets: impl IntoIterator<Item = IpNet>) -> Self {
        Self { private: false, nets: nets.into_iter().collect() }
    }

    /// Trusts this network, too.
    #[must_use]
    pub fn and(mut self, net: IpNet) -> Self {
        self.nets.push(net);
        self
    }

    /// Whether this address is trusted.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        (self.private && is_private(ip)) || self.nets.iter().any(|net| net.contains(&ip))
    }

    /// The client's address, as the trusted proxies report it.
    ///
    /// `x-real-ip` first, as the reference client does; in `x-forwarded-for` the last address that no trusted proxy has,
    /// since that address may have written anything before it.
    pub(crate) fn client_ip(
        &self,
        peer: Option<IpAddr>,
        real_ip: Option<&HeaderValue>,
        forwarded_for: Option<&HeaderValue>,
    ) -> Option<IpAddr> {
        let peer = peer?.to_canonical();
        if !self.contains(peer) {
            return Some(peer);
        }
        if let Some(ip) = real_ip.and_then(|value| parse_ip(value.to_str().ok()?)) {
            return Some(ip);
        }
        let mut client = peer;
        for hop in forwarded_for.and_then(|value| value.to_str().ok()).unwrap_or_default().rsplit(',') {
            // An unreadable hop ends the trusted part of the list.
            let Some(ip) = parse_ip(hop) else { break };
            client = ip;
            if !self.contains(ip) {
                break;
            }
        }
        Some(client)
    }
}

/// The other end of the connection, from axum's or hyper's connect info.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    if extensions.is_empty() {
        return None;
    }
    if let Some(ConnectInfo(address)) = extensions.get::<ConnectInfo<SocketAddr>>() {
        return Some(address.ip());
    }
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// An address with or without a port: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip = text
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()?;
    Some(IpAddr::to_canonical(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ip_comes_from_trusted_proxies_only() {
        let private = TrustedProxies::private();
        let cloud = TrustedProxies::only(["203.0.113.0/24".parse().unwrap()]);
        let none = TrustedProxies::none();
        for (trust, peer, real_ip, forwarded_for, expected) in [
            (&private, None, Some("1.1.1.1"), Some("2.2.2.2"), None),
            (&private, Some("8.8.8.8"), Some("1.1.1.1"), Some("2.2.2.2"), Some("8.8.8.8")),
            (&private, Some("127.0.0.1"), Some("1.1.1.1"), Some("2.2.2.2"), Some("1.1.1.1")),
            (&private, Some("::1"), None, Some("2.2.2.2"), Some("2.2.2.2")),
            (&private, Some("::ffff:10.0.0.1"), None, Some("2.2.2.2"), Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), None, Some("6.6.6.6, 2.2.2.2, 10.0.0.9"), Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), None, Some("10.0.0.7, 10.0.0.9"), Some("10.0.0.7")),
            (&private, Some("10.0.0.1"), None, Some("2.2.2.2, unknown, 10.0.0.9"), Some("10.0.0.9")),
            (&private, Some("10.0.0.1"), None, Some("2.2.2.2:4711"), Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), None, Some("[2001:db8::1]:443"), Some("2001:db8::1")),
            (&private, Some("10.0.0.1"), None, Some("[2001:db8::1]"), Some("2001:db8::1")),
            (&private, Some("10.0.0.1"), Some("nonsense"), Some("2.2.2.2"), Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), None, Some(""), Some("10.0.0.1")),
            (&private, Some("10.0.0.1"), None, None, Some("10.0.0.1")),
            (&cloud, Some("203.0.113.5"), Some("1.1.1.1"), None, Some("1.1.1.1")),
            (&cloud, Some("10.0.0.1"), Some("1.1.1.1"), None, Some("10.0.0.1")),
            (&none, Some("127.0.0.1"), Some("1.1.1.1"), None, Some("127.0.0.1")),
        ] {
            let header = |text: Option<&str>| text.map(|text| HeaderValue::from_str(text).unwrap());
            let parse = |text: &str| text.parse::<IpAddr>().unwrap();
            assert_eq!(
                trust.client_ip(peer.map(parse), header(real_ip).as_ref(), header(forwarded_for).as_ref()),
                expected.map(parse),
                "peer {peer:?}, x-real-ip {real_ip:?}, x-forwarded-for {forwarded_for:?}"
            );
        }
    }
}
