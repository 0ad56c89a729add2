//! The address of this machine that calls to the auth center come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

/// The longest time for which a resolver delays a heartbeat.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The route to a host.
pub(super) struct Route {
    to: Option<(String, u16)>,
    /// The last answer, for when the name cannot be resolved.
    last: Option<IpAddr>,
}

impl Route {
    pub(super) fn to(to: Option<(String, u16)>) -> Self {
        Self { to, last: None }
    }

    /// Returns the address of this machine that the route starts from; the last one if the host cannot be resolved within
    /// 2 s, and `None` if it never was.
    pub(super) async fn local_address(&mut self) -> Option<IpAddr> {
        let (host, port) = self.to.as_ref()?;
        if let Ok(Ok(found)) = timeout(RESOLVE_TIMEOUT, lookup_host((&**host, *port))).await {
            self.last = found.into_iter().find_map(towards).or(self.last);
        }
        self.last
    }
}

/// Asks the system which address it would send from. To connect a UDP socket sends nothing.
fn towards(target: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn route_starts_from_an_address_of_the_same_family() {
        let has_ipv6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        let v4 = IpAddr::from(Ipv4Addr::LOCALHOST);
        let v6 = IpAddr::from(Ipv6Addr::LOCALHOST);
        for (host, expected) in
            [("127.0.0.1", Some(v4)), ("127.9.9.9", Some(v4)), ("::1", has_ipv6.then_some(v6))]
        {
            let mut route = Route::to(Some((host.to_owned(), 9)));
            assert_eq!(route.local_address().await, expected, "{host}");
        }
        let local = Route::to(Some(("localhost".to_owned(), 9))).local_address().await;
        assert!(local == Some(v4) || local == Some(v6), "{local:?}");
        assert_eq!(Route::to(None).local_address().await, None);
    }

    #[tokio::test]
    async fn last_route_stays_while_the_host_cannot_be_resolved() {
        let mut route = Route::to(Some(("127.0.0.1".to_owned(), 9)));
        let before = route.local_address().await;
        assert!(before.is_some());
        // No name at all, so that nobody on a network is asked for it.
        route.to = Some(("not a name".to_owned(), 9));
        assert_eq!(route.local_address().await, before);
        assert_eq!(Route::to(route.to.clone()).local_address().await, None);
    }
}
