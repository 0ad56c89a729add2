//! The addresses at which others reach this machine.

use std::net::IpAddr;

use if_addrs::Interface;
use ipnet::IpNet;

use super::route::Route;
use crate::upstream::api_client::ApiClient;

/// How the names of interfaces begin that connect containers and virtual machines of this host. Their addresses are the same
/// on each host, and no other host reaches them.
const INTERNAL: [&str; 16] = [
    "docker", "veth", "virbr", "vnet", "vmnet", "vboxnet", "podman", "cni", "cbr", "flannel", "cali",
    "cilium", "lxcbr", "lxdbr", "incusbr", "kube-",
];

/// The addresses that a service is registered with.
#[derive(Clone, Debug)]
pub(super) enum Addresses {
    /// Those that were set.
    Set(Vec<String>),
    /// Those of this machine within these networks.
    OfHost(Vec<IpNet>),
}

impl Addresses {
    /// Lists the addresses as they are now, that of the route first. `None` if those of this machine cannot be listed.
    pub(super) fn list(&self, route: Option<IpAddr>) -> Option<Vec<String>> {
        match self {
            Self::Set(ips) => Some(ips.clone()),
            Self::OfHost(networks) => match if_addrs::get_if_addrs() {
                Ok(interfaces) => {
                    let up = interfaces.iter().filter(|interface| interface.is_oper_up());
                    let found: Vec<_> = up.map(Found::from).collect();
                    Some(order(&found, networks, route).iter().map(IpAddr::to_string).collect())
                }
                Err(error) => {
                    tracing::warn!(%error, "the addresses of this machine cannot be listed");
                    None
                }
            },
        }
    }
}

/// An address of an interface.
struct Found<'a> {
    interface: &'a str,
    ip: IpAddr,
}

impl<'a> From<&'a Interface> for Found<'a> {
    fn from(interface: &'a Interface) -> Self {
        Self { interface: &interface.name, ip: interface.ip() }
    }
}

/// Returns the addresses that other machines may reach, each once: first that of the route to the auth center, then IPv4
/// before IPv6, and those of networks within this host last.
fn order(found: &[Found<'_>], networks: &[IpNet], route: Option<IpAddr>) -> Vec<IpAddr> {
    let is_wanted = |ip: &IpAddr| networks.is_empty() || networks.iter().any(|network| network.contains(ip));
    let mut wanted: Vec<_> =
        found.iter().filter(|found| is_reachable(found.ip) && is_wanted(&found.ip)).collect();
    // The sort is stable: otherwise in the order of the interfaces.
    wanted.sort_by_key(|found| (Some(found.ip) != route, is_internal(found.interface), found.ip.is_ipv6()));
    let mut unique = Vec::with_capacity(wanted.len());
    for found in wanted {
        if !unique.contains(&found.ip) {
            unique.push(found.ip);
        }
    }
    unique
}

fn is_reachable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    }
}

fn is_internal(interface: &str) -> bool {
    // Docker's `br-` and 12 digits; `br-lan` is a router's own network.
    let of_docker = |id: &str| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    INTERNAL.iter().any(|start| interface.starts_with(start))
        || interface.strip_prefix("br-").is_some_and(of_docker)
}

/// Finds the addresses again before each call, in the background.
pub(super) trait Refresh: Send + 'static {
    /// Returns the addresses as they are now; `None` leaves the last ones.
    fn refresh(&mut self) -> impl Future<Output = Option<Vec<String>>> + Send;
}

/// The addresses of this machine, by the route to the auth center.
pub(super) struct ByRoute {
    addresses: Addresses,
    route: Route,
}

impl ByRoute {
    pub(super) fn new(addresses: Addresses, api: &ApiClient) -> Self {
        Self { addresses, route: Route::to(api.host_and_port()) }
    }
}

impl Refresh for ByRoute {
    async fn refresh(&mut self) -> Option<Vec<String>> {
        match &self.addresses {
            Addresses::Set(_) => None,
            Addresses::OfHost(_) => self.addresses.list(self.route.local_address().await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(found: &[(&str, &str)], networks: &[&str], route: Option<&str>) -> Vec<String> {
        let ip = |ip: &str| ip.parse().unwrap();
        let found: Vec<_> = found.iter().map(|(interface, of)| Found { interface, ip: ip(of) }).collect();
        let networks: Vec<_> = networks.iter().map(|network| network.parse().unwrap()).collect();
        order(&found, &networks, route.map(ip)).iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn reachable_addresses_are_unique_and_ipv4_comes_first() {
        let found = [
            ("lo", "::1"),
            ("eth0", "fe80::1"),
            ("eth0", "2001:db8::1"),
            ("lo", "127.0.0.1"),
            ("eth1", "169.254.1.1"),
            ("eth0", "10.0.0.1"),
            ("eth1", "0.0.0.0"),
            ("eth1", "10.0.0.1"),
            ("eth1", "fd00::1"),
        ];
        assert_eq!(ordered(&found, &[], None), ["10.0.0.1", "2001:db8::1", "fd00::1"]);
        assert_eq!(ordered(&found, &["fd00::/8"], None), ["fd00::1"]);
        assert_eq!(ordered(&found, &["192.168.0.0/16"], None), [] as [&str; 0]);
    }

    #[test]
    fn route_comes_first_and_bridges_last() {
        let host = [
            ("docker0", "172.17.0.1"),
            ("br-0123456789ab", "172.18.0.1"),
            ("br-0123456789ab", "fd12::1"),
            ("eth0", "10.77.0.1"),
            ("eth0", "2001:db8::1"),
            ("eth1", "192.168.0.7"),
            ("br-lan", "192.168.1.1"),
            ("bridge", "192.168.2.1"),
        ];
        let bridges = ["172.17.0.1", "172.18.0.1", "fd12::1"];
        let own = ["10.77.0.1", "192.168.0.7", "192.168.1.1", "192.168.2.1", "2001:db8::1"];
        assert_eq!(ordered(&host, &[], None), [&own[..], &bridges].concat());
        for route in ["192.168.0.7", "2001:db8::1", "172.17.0.1"] {
            let all = [&own[..], &bridges].concat();
            let expected: Vec<_> =
                [route].into_iter().chain(all.into_iter().filter(|ip| *ip != route)).collect();
            assert_eq!(ordered(&host, &[], Some(route)), expected, "{route}");
        }
        // Of an interface that is down, or of this machine alone.
        for route in ["203.0.113.7", "127.0.0.1"] {
            assert_eq!(ordered(&host, &[], Some(route)), [&own[..], &bridges].concat());
        }
        let networks = ["172.16.0.0/12", "2001:db8::/32"];
        assert_eq!(
            ordered(&host, &networks, Some("10.77.0.1")),
            ["2001:db8::1", "172.17.0.1", "172.18.0.1"],
            "the route is not within the networks"
        );
    }
}
