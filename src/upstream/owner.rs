//! Whose calls share the slots, and count for the circuit breakers.

use std::net::IpAddr;

/// Who wants a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    /// The service itself, for a call that is about no caller's credential.
    Service,
    /// Callers with credentials that were accepted before.
    Known,
    /// Strangers of one network: an IPv4 address, or the first 64 bits of an IPv6 address. (A subscriber may have more of the
    /// latter: a /56 is 256 networks.)
    Network(u64),
    /// Strangers whose address is unknown.
    Nowhere,
}

impl Owner {
    pub(crate) fn stranger(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            // An IPv6 address of `::/32` is not in use, so that the two share no number.
            Some(IpAddr::V4(address)) => Self::Network(u64::from(address.to_bits())),
            Some(IpAddr::V6(address)) => Self::Network((address.to_bits() >> 64) as u64),
            None => Self::Nowhere,
        }
    }

    pub(crate) fn is_stranger(self) -> bool {
        matches!(self, Self::Network(_) | Self::Nowhere)
    }
}
