use metrics::gauge;

use super::catalog::BREAKER_STATE;
use crate::ports::observer::BreakerState;

pub(super) fn set_breaker(endpoint: &'static str, state: BreakerState) {
    let number = match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    };
    gauge!(BREAKER_STATE, "endpoint" => endpoint).set(number);
}
