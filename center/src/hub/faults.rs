use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aigc_auth::testing::{AuthCenter, Fault};
use serde::{Deserialize, Serialize};

use super::event::millis;

/// A fault that can be switched on.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum FaultName {
    /// No connection; for one endpoint, a reset.
    // Braces, so that unknown fields are refused: serde ignores them beside a tag alone.
    Refuse {},
    Hang {},
    /// A byte of the body each 100 ms.
    Slow {},
    Reset {},
    Truncated {},
    Html {},
    NotJson {},
    Status {
        status: u16,
    },
    Code {
        code: i64,
        #[serde(default)]
        message: String,
    },
}

/// A fault that is switched on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Switch {
    /// `*` for all.
    pub(crate) endpoint: String,
    pub(crate) fault: FaultName,
    /// In milliseconds since 1970; null until it is switched off.
    pub(crate) until: Option<u64>,
}

/// The faults that are switched on, by endpoint.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<BTreeMap<String, Switch>>);

/// All endpoints, and all routes.
pub(super) const ALL: &str = "*";

impl FaultName {
    /// Rejects what no answer has.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Status { status } if !(200..=599).contains(status) => {
                Err(format!("expected a status from 200 to 599, found {status}"))
            }
            Self::Code { message, .. } if message.len() > 1_000 => {
                Err("expected a message of at most 1,000 bytes".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// As events and lists show it, such as `status 503`.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Refuse {} => "refuse".to_owned(),
            Self::Hang {} => "hang".to_owned(),
            Self::Slow {} => "slow".to_owned(),
            Self::Reset {} => "reset".to_owned(),
            Self::Truncated {} => "truncated".to_owned(),
            Self::Html {} => "html".to_owned(),
            Self::NotJson {} => "not_json".to_owned(),
            Self::Status { status } => format!("status {status}"),
            Self::Code { code, .. } => format!("code {code}"),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Refuse {} => Fault::Refuse,
            Self::Hang {} => Fault::Hang,
            Self::Slow {} => Fault::SlowBytes(Duration::from_millis(100)),
            Self::Reset {} => Fault::Reset,
            Self::Truncated {} => Fault::Truncated,
            Self::Html {} => Fault::Html,
            Self::NotJson {} => Fault::NotJson,
            Self::Status { status } => Fault::status(*status),
            Self::Code { code, message } => Fault::code(*code, message.clone()),
        }
    }
}

impl Faults {
    /// Endpoints with a fault of their own.
    const MAX: usize = 100;

    pub(super) fn all(&self) -> Vec<Switch> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn switch_on(&self, center: &AuthCenter, switch: Switch) -> Result<(), String> {
        let mut active = self.lock();
        if active.len() >= Self::MAX && !active.contains_key(&switch.endpoint) {
            return Err(format!("{} endpoints have a fault already: switch one off", Self::MAX));
        }
        if switch.endpoint == ALL {
            center.inject_fault(switch.fault.fault());
        } else {
            center.inject_fault_on(&*switch.endpoint, switch.fault.fault());
        }
        active.insert(switch.endpoint.clone(), switch);
        Ok(())
    }

    /// Returns whether there was one.
    pub(super) fn switch_off(&self, center: &AuthCenter, endpoint: &str) -> bool {
        remove(&mut self.lock(), center, endpoint)
    }

    /// Switches those off that have had their time. Returns their endpoints.
    pub(super) fn expire(&self, center: &AuthCenter, now: SystemTime) -> Vec<String> {
        let mut active = self.lock();
        let now = millis(now);
        let is_over = |switch: &&Switch| switch.until.is_some_and(|until| until <= now);
        let over: Vec<_> = active.values().filter(is_over).map(|switch| switch.endpoint.clone()).collect();
        for endpoint in &over {
            remove(&mut active, center, endpoint);
        }
        over
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Switch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove(active: &mut BTreeMap<String, Switch>, center: &AuthCenter, endpoint: &str) -> bool {
    if active.remove(endpoint).is_none() {
        return false;
    }
    if endpoint == ALL {
        // There is no way to clear the fault of all alone.
        center.clear_faults();
        for (endpoint, switch) in active {
            center.inject_fault_on(&**endpoint, switch.fault.fault());
        }
    } else {
        center.clear_fault_on(endpoint);
    }
    true
}
