//! The addresses of this machine.

use std::net::IpAddr;

/// Lists the addresses at which other machines may reach this one, IPv4 first, without duplicates.
pub(super) fn ips() -> Vec<String> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the addresses of this machine cannot be listed");
        Vec::new()
    });
    let up = interfaces.iter().filter(|interface| interface.is_oper_up());
    let addresses = up.map(if_addrs::Interface::ip).collect();
    reachable(addresses).iter().map(IpAddr::to_string).collect()
}

fn reachable(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.retain(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    });
    // The sort is stable: otherwise in the order of the interfaces.
    addresses.sort_by_key(IpAddr::is_ipv6);
    let mut unique = Vec::with_capacity(addresses.len());
    for ip in addresses {
        if !unique.contains(&ip) {
            unique.push(ip);
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reachable_addresses_are_unique_and_ipv4_comes_first() {
        let given = [
            "::1",
            "fe80::1",
            "2001:db8::1",
            "127.0.0.1",
            "169.254.1.1",
            "10.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "fd00::1",
        ];
        let given = given.map(|ip| ip.parse().unwrap()).to_vec();
        let expected = ["10.0.0.1", "2001:db8::1", "fd00::1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        assert_eq!(reachable(given), expected);
    }
}
