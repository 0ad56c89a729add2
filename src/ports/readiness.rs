//! Say whether a part of a service is ready.

/// Says whether a part of a service is ready, for [`Readiness`](crate::readiness::Readiness). Must not wait, and is asked as often as
/// anybody who reaches the endpoint likes.
///
/// Implemented by `AuthClient`, `StatsCollector`, `Cluster` and the state of a registration (`Registration::state_changes`), and by
/// closures.
///
/// ```
/// use aigc_auth::readiness::{PartState, ReadinessProbe};
///
/// /// A pool of connections.
/// struct Pool;
///
/// # impl Pool { fn idle(&self) -> usize { 1 } }
/// impl ReadinessProbe for Pool {
///     fn readiness(&self) -> PartState {
///         if self.idle() > 0 { PartState::ready("connected") } else { PartState::not_ready("exhausted") }
///     }
/// }
/// # assert!(Pool.readiness().is_ready());
/// ```
pub trait ReadinessProbe: Send + Sync + 'static {
    /// Returns the state of this part.
    fn readiness(&self) -> PartState;
}

impl<F: Fn() -> PartState + Send + Sync + 'static> ReadinessProbe for F {
    fn readiness(&self) -> PartState {
        self()
    }
}

/// The state of a part: a word for people, and whether it is ready. Everybody who reaches the endpoint reads the word: no
/// addresses, no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartState {
    state: &'static str,
    is_ready: bool,
}

impl PartState {
    /// The part is ready, in this state.
    pub const fn ready(state: &'static str) -> Self {
        Self { state, is_ready: true }
    }

    /// The part is not ready, in this state.
    pub const fn not_ready(state: &'static str) -> Self {
        Self { state, is_ready: false }
    }

    /// Whether the part is ready.
    pub const fn is_ready(self) -> bool {
        self.is_ready
    }

    /// The word for its state.
    pub const fn state(self) -> &'static str {
        self.state
    }
}
