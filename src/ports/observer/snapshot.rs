use super::breaker::BreakerState;

/// What a client or a cache holds at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// How many users, or memberships, are cached.
    pub cached: usize,
    /// How many were evicted since the start, for lack of room.
    pub evicted: u64,
    /// How many lookups are in flight; at most `max_concurrent_lookups`.
    pub lookups: usize,
    /// How many calls are in flight; at most `max_in_flight`.
    pub in_flight: usize,
    /// How many calls wait to be sent.
    pub waiting: usize,
    /// The circuit breakers of the endpoints that were called so far, as [`Breaker::endpoint`](super::Breaker::endpoint) names
    /// them.
    pub breakers: Vec<(&'static str, BreakerState)>,
}

impl Snapshot {
    /// Returns the state of the circuit breaker of lookups.
    pub fn breaker(&self) -> BreakerState {
        let of_lookups =
            |(endpoint, _): &&(&'static str, _)| !endpoint.starts_with('/') || *endpoint == "/user/info";
        self.breakers.iter().find(of_lookups).map_or(BreakerState::Closed, |(_, state)| *state)
    }
}
