//! The client's address behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use http::Extensions;
use ipnet::IpNet;

use crate::request::proxy_headers::{ProxyHeaders, entries_from_end};

/// The proxies in front of a service, and which headers they set about the client.
///
/// Defaults to [`private`](TrustedProxies::private), and of the headers to `x-forwarded-for` alone: it is the one that
/// nginx, HAProxy, Apache, Caddy and AWS ALB write the client's address into, where they are set up to write any. The
/// others count only once you say that your proxy sets them: one that does not passes on what the client wrote.
///
/// | proxy, and what it is set to | here |
/// |---|---|
/// | nginx: `proxy_set_header X-Real-IP $remote_addr`, `X-Forwarded-For $proxy_add_x_forwarded_for`, `X-Forwarded-Proto $scheme` | [`nginx`](TrustedProxies::nginx) |
/// | HAProxy: `option forwardfor`, without `if-none` | [`haproxy`](TrustedProxies::haproxy) |
/// | Apache: `ProxyPass` | [`apache`](TrustedProxies::apache) |
/// | Caddy: `reverse_proxy` | [`caddy`](TrustedProxies::caddy) |
/// | AWS ALB, unless its mode for `X-Forwarded-For` is `preserve` | [`aws_alb`](TrustedProxies::aws_alb) |
///
/// These trust the private networks, too. For others, say both: [`only`](TrustedProxies::only) and
/// [`with_forwarded_proto`](TrustedProxies::with_forwarded_proto), for example. Who has a trusted address may report any.
/// An unknown peer, because the server was started without connect info, is not trusted unless
/// [`with_unix_socket`](TrustedProxies::with_unix_socket) says that it is a proxy.
///
/// In `x-forwarded-for`, the client is the last address that is not trusted itself, as anything before it may be its own
/// invention. Several lines are one list. `Forwarded` (RFC 7239) is not read.
///
/// ```
/// use aigc_auth::layer::TrustedProxies;
///
/// let load_balancer = TrustedProxies::only(["203.0.113.0/24".parse()?]).with_forwarded_proto();
/// assert!(load_balancer.contains("203.0.113.7".parse()?));
/// assert!(!load_balancer.contains("127.0.0.1".parse()?));
/// let both = TrustedProxies::nginx().and("203.0.113.0/24".parse()?);
/// assert!(both.contains("127.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    private: bool,
    nets: Vec<IpNet>,
    real_ip: bool,
    forwarded_proto: bool,
    unix_socket: bool,
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self::private()
    }
}

impl TrustedProxies {
    /// Trusts loopback, link-local and private addresses (RFC 1918, RFC 4193).
    pub fn private() -> Self {
        Self { private: true, ..Self::none() }
    }

    /// Trusts no proxy: the client is always the peer.
    pub fn none() -> Self {
        Self::only([])
    }

    /// Trusts these networks and no others.
    pub fn only(nets: impl IntoIterator<Item = IpNet>) -> Self {
        Self {
            private: false,
            nets: nets.into_iter().collect(),
            real_ip: false,
            forwarded_proto: false,
            unix_socket: false,
        }
    }

    /// Trusts an nginx in a private network that sets `X-Real-IP`, `X-Forwarded-For` and `X-Forwarded-Proto`. Without such
    /// a line, it passes the client's.
    pub fn nginx() -> Self {
        Self::private().with_real_ip().with_forwarded_proto()
    }

    /// Trusts a HAProxy in a private network with `option forwardfor`. It passes the client's `X-Forwarded-Proto` unless it
    /// has `http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]`: then add
    /// [`with_forwarded_proto`](TrustedProxies::with_forwarded_proto).
    pub fn haproxy() -> Self {
        Self::private()
    }

    /// Trusts an Apache in a private network with `ProxyPass`. It passes the client's `X-Forwarded-Proto` unless it has
    /// `RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}`: then add
    /// [`with_forwarded_proto`](TrustedProxies::with_forwarded_proto).
    pub fn apache() -> Self {
        Self::private()
    }

    /// Trusts a Caddy in a private network with `reverse_proxy`, which replaces `X-Forwarded-For` and `X-Forwarded-Proto`.
    pub fn caddy() -> Self {
        Self::private().with_forwarded_proto()
    }

    /// Trusts an Application Load Balancer in a private network, which appends to `X-Forwarded-For` and replaces
    /// `X-Forwarded-Proto`.
    pub fn aws_alb() -> Self {
        Self::private().with_forwarded_proto()
    }

    /// Trusts this network, too.
    #[must_use]
    pub fn and(mut self, net: IpNet) -> Self {
        self.nets.push(net);
        self
    }

    /// Reads the client's address from `x-real-ip` first: the proxy has to set it for each request.
    ///
    /// It is the nearest proxy's word. Where it names a trusted proxy, or no address, `x-forwarded-for` is read.
    #[must_use]
    pub fn with_real_ip(mut self) -> Self {
        self.real_ip = true;
        self
    }

    /// Reads the client's scheme from `x-forwarded-proto`: the proxy has to set it for each request.
    ///
    /// Of several, the one that counts stands as far from the end as the client in `x-forwarded-for`.
    #[must_use]
    pub fn with_forwarded_proto(mut self) -> Self {
        self.forwarded_proto = true;
        self
    }

    /// Trusts peers without an address, too: a proxy that connects over a Unix socket. For servers that listen on one, and
    /// nowhere else.
    ///
    /// Without a header that names the client, its address is unknown still. A server on TCP that was started without connect
    /// info has peers without an address, too: there, every client could report any address.
    #[must_use]
    pub fn with_unix_socket(mut self) -> Self {
        self.unix_socket = true;
        self
    }

    /// Whether this address is trusted.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        (self.private && is_private(ip)) || self.nets.iter().any(|net| net.contains(&ip))
    }

    /// The client's address, as the trusted proxies report it. `None` if the peer is unknown.
    pub(crate) fn client_ip(&self, peer: Option<IpAddr>, headers: &ProxyHeaders) -> Option<IpAddr> {
        self.find_client(peer, headers).ip
    }

    /// The client's scheme, if a trusted proxy reports one.
    pub(crate) fn scheme(&self, peer: Option<IpAddr>, headers: &ProxyHeaders) -> Option<&'static str> {
        if !self.forwarded_proto || !self.is_trusted(peer) {
            return None;
        }
        let proxies = self.find_client(peer, headers).proxies;
        // In a shorter list, a proxy has replaced what those before it said.
        let scheme = entries_from_end(headers.forwarded_proto.as_ref()).take(proxies + 1).last()?;
        ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known.as_bytes()))
    }

    /// Whether the other end of the connection is trusted.
    pub(crate) fn is_trusted(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix_socket, |peer| self.contains(peer))
    }

    fn find_client(&self, peer: Option<IpAddr>, headers: &ProxyHeaders) -> Client {
        let mut client = Client { ip: peer.map(|peer| peer.to_canonical()), proxies: 0 };
        if !self.is_trusted(peer) {
            return client;
        }
        let real_ip = headers.real_ip.as_ref().filter(|_| self.real_ip);
        if let Some(ip) = real_ip.and_then(|value| parse_ip(value.as_bytes())) {
            client.ip = Some(ip);
            if !self.contains(ip) {
                return client;
            }
        }
        for (proxies, entry) in entries_from_end(headers.forwarded_for.as_ref()).enumerate() {
            // An unreadable one ends what the trusted proxies wrote.
            let Some(ip) = parse_ip(entry) else { break };
            client = Client { ip: Some(ip), proxies };
            if !self.contains(ip) {
                break;
            }
        }
        client
    }
}

struct Client {
    ip: Option<IpAddr>,
    /// How many proxies stand after it in `x-forwarded-for`.
    proxies: usize,
}

/// The other end of the connection, from axum's, hyper's or tonic's connect info.
pub(crate) fn peer(extensions: &Extensions, is_grpc: bool) -> Option<IpAddr> {
    if extensions.is_empty() {
        return None;
    }
    if let Some(ConnectInfo(address)) = extensions.get::<ConnectInfo<SocketAddr>>() {
        return Some(address.ip());
    }
    if let Some(address) = extensions.get::<SocketAddr>() {
        return Some(address.ip());
    }
    if let Some(MockConnectInfo(address)) = extensions.get::<MockConnectInfo<SocketAddr>>() {
        return Some(address.ip());
    }
    if is_grpc { peer_of_tonic(extensions) } else { None }
}

#[cfg(not(feature = "tonic"))]
fn peer_of_tonic(_: &Extensions) -> Option<IpAddr> {
    None
}

/// tonic names the type that a TLS connection leaves here only where its TLS is enabled; it finds it itself.
#[cfg(feature = "tonic")]
fn peer_of_tonic(extensions: &Extensions) -> Option<IpAddr> {
    use tonic::transport::server::TcpConnectInfo;

    let address = match extensions.get::<TcpConnectInfo>() {
        Some(info) => info.remote_addr(),
        None => tonic::Request::from_parts(Default::default(), extensions.clone(), ()).remote_addr(),
    };
    address.map(|address| address.ip())
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// An address with or without a port: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim_ascii();
    let ip = text
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()?;
    Some(IpAddr::to_canonical(&ip))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::request::proxy_headers::{X_FORWARDED_FOR, X_FORWARDED_PROTO, X_REAL_IP};

    fn headers(real_ip: &[&str], forwarded_for: &[&str], forwarded_proto: &[&str]) -> ProxyHeaders {
        let mut headers = http::HeaderMap::new();
        for (name, lines) in
            [(X_REAL_IP, real_ip), (X_FORWARDED_FOR, forwarded_for), (X_FORWARDED_PROTO, forwarded_proto)]
        {
            for line in lines {
                headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
        }
        ProxyHeaders::of_several_lines(&headers)
    }

    #[test]
    fn client_ip_comes_from_trusted_proxies_only() {
        let private = TrustedProxies::private();
        let real_ip = TrustedProxies::private().with_real_ip();
        let cloud = TrustedProxies::only(["203.0.113.0/24".parse().unwrap()]).with_real_ip();
        let none = TrustedProxies::none().with_real_ip();
        let socket = TrustedProxies::private().with_unix_socket();
        let nginx_at_socket = TrustedProxies::nginx().with_unix_socket();
        for (trusted, peer, real_ip, forwarded_for, expected) in [
            (&private, None, &["1.1.1.1"][..], &["2.2.2.2"][..], None),
            (&private, Some("8.8.8.8"), &["1.1.1.1"], &["2.2.2.2"], Some("8.8.8.8")),
            (&private, Some("127.0.0.1"), &["1.1.1.1"], &["2.2.2.2"], Some("2.2.2.2")),
            (&private, Some("127.0.0.1"), &["1.1.1.1"], &[], Some("127.0.0.1")),
            (&private, Some("::1"), &[], &["2.2.2.2"], Some("2.2.2.2")),
            (&private, Some("::ffff:10.0.0.1"), &[], &["2.2.2.2"], Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), &[], &["6.6.6.6, 2.2.2.2, 10.0.0.9"], Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), &[], &["10.0.0.7, 10.0.0.9"], Some("10.0.0.7")),
            (&private, Some("10.0.0.1"), &[], &["2.2.2.2, unknown, 10.0.0.9"], Some("10.0.0.9")),
            (&private, Some("10.0.0.1"), &[], &["2.2.2.2, unknown"], Some("10.0.0.1")),
            (&private, Some("10.0.0.1"), &[], &["2.2.2.2:4711"], Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), &[], &["[2001:db8::1]:443"], Some("2001:db8::1")),
            (&private, Some("10.0.0.1"), &[], &["[2001:db8::1]"], Some("2001:db8::1")),
            (&private, Some("10.0.0.1"), &[], &[""], Some("10.0.0.1")),
            (&private, Some("10.0.0.1"), &[], &[], Some("10.0.0.1")),
            // Several lines are one list, and what no one can read does not hide what follows it.
            (&private, Some("10.0.0.1"), &[], &["6.6.6.6", "2.2.2.2", "10.0.0.9"], Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), &[], &["6.6.6.6, 2.2.2.2", "10.0.0.8, 10.0.0.9"], Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), &[], &["6.6.6.6", "2.2.2.2"], Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), &[], &["2.2.2.2, ", "", " , 10.0.0.9,"], Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), &[], &["ä, 2.2.2.2"], Some("2.2.2.2")),
            (&private, Some("10.0.0.1"), &[], &["ä", "2.2.2.2"], Some("2.2.2.2")),
            // `x-real-ip` is the nearest proxy's word: if that is another proxy, the list has the client.
            (&real_ip, Some("127.0.0.1"), &["1.1.1.1"], &["2.2.2.2"], Some("1.1.1.1")),
            (&real_ip, Some("10.0.0.1"), &["10.0.0.9"], &["2.2.2.2, 10.0.0.9"], Some("2.2.2.2")),
            (&real_ip, Some("10.0.0.1"), &["10.0.0.9"], &["6.6.6.6, 2.2.2.2"], Some("2.2.2.2")),
            (&real_ip, Some("10.0.0.1"), &["10.0.0.9"], &[], Some("10.0.0.9")),
            (&real_ip, Some("10.0.0.1"), &["nonsense"], &["2.2.2.2"], Some("2.2.2.2")),
            (&real_ip, Some("10.0.0.1"), &["1.1.1.1", "6.6.6.6"], &["2.2.2.2"], Some("2.2.2.2")),
            (&real_ip, Some("10.0.0.1"), &["1.1.1.1, 6.6.6.6"], &["2.2.2.2"], Some("2.2.2.2")),
            (&real_ip, Some("8.8.8.8"), &["1.1.1.1"], &["2.2.2.2"], Some("8.8.8.8")),
            (&cloud, Some("203.0.113.5"), &["1.1.1.1"], &[], Some("1.1.1.1")),
            (&cloud, Some("10.0.0.1"), &["1.1.1.1"], &[], Some("10.0.0.1")),
            (&none, Some("127.0.0.1"), &["1.1.1.1"], &["2.2.2.2"], Some("127.0.0.1")),
            // A Unix socket has no address; who connects to it may be trusted all the same.
            (&socket, None, &[], &["6.6.6.6, 2.2.2.2"], Some("2.2.2.2")),
            (&socket, None, &["1.1.1.1"], &[], None),
            (&socket, None, &[], &["unknown"], None),
            (&socket, Some("8.8.8.8"), &[], &["2.2.2.2"], Some("8.8.8.8")),
            (&nginx_at_socket, None, &["1.1.1.1"], &["2.2.2.2"], Some("1.1.1.1")),
        ] {
            let parse = |text: &str| text.parse::<IpAddr>().unwrap();
            assert_eq!(
                trusted.client_ip(peer.map(parse), &headers(real_ip, forwarded_for, &[])),
                expected.map(parse),
                "peer {peer:?}, x-real-ip {real_ip:?}, x-forwarded-for {forwarded_for:?}"
            );
        }
    }

    #[test]
    fn scheme_is_that_of_the_clients_connection() {
        let proto = TrustedProxies::private().with_forwarded_proto();
        let private = TrustedProxies::private();
        let socket = proto.clone().with_unix_socket();
        assert_eq!(proto.scheme(None, &headers(&[], &[], &["https"])), None);
        assert_eq!(socket.scheme(None, &headers(&[], &[], &["https"])), Some("https"));
        for (trusted, peer, forwarded_for, forwarded_proto, expected) in [
            (&private, "10.0.0.1", &[][..], &["https"][..], None),
            (&proto, "8.8.8.8", &[], &["https"], None),
            (&proto, "10.0.0.1", &[], &[], None),
            (&proto, "10.0.0.1", &[], &["ftp"], None),
            (&proto, "10.0.0.1", &[], &["HTTPS"], Some("https")),
            (&proto, "10.0.0.1", &["2.2.2.2"], &["http"], Some("http")),
            // The client wrote the first.
            (&proto, "10.0.0.1", &["2.2.2.2"], &["https, http"], Some("http")),
            (&proto, "10.0.0.1", &["2.2.2.2"], &["https", "http"], Some("http")),
            (&proto, "10.0.0.1", &["6.6.6.6, 2.2.2.2"], &["https, http"], Some("http")),
            // Two proxies, each of which appended what it was spoken to by.
            (&proto, "10.0.0.1", &["2.2.2.2, 10.0.0.9"], &["https, http"], Some("https")),
            (&proto, "10.0.0.1", &["2.2.2.2", "10.0.0.9"], &["http", "https", "http"], Some("https")),
            // Two proxies, of which the second replaced it, or passed it on.
            (&proto, "10.0.0.1", &["2.2.2.2, 10.0.0.9"], &["https"], Some("https")),
        ] {
            let headers = headers(&[], forwarded_for, forwarded_proto);
            let scheme = trusted.scheme(Some(peer.parse().unwrap()), &headers);
            assert_eq!(scheme, expected, "peer {peer}, {forwarded_for:?}, {forwarded_proto:?}");
        }
    }
}
