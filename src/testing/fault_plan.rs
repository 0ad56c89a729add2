//! Decide which fault applies to a request.

use std::collections::BTreeMap;

use super::fault::Fault;

/// The injected faults, from the most specific to the least.
#[derive(Default)]
pub(super) struct FaultPlan {
    /// For the next requests, with the number of those left.
    pub(super) limited: Option<(usize, ActiveFault)>,
    /// By token or access key.
    pub(super) by_credential: BTreeMap<String, ActiveFault>,
    pub(super) by_endpoint: BTreeMap<String, ActiveFault>,
    pub(super) global: Option<ActiveFault>,
}

/// A fault, and how many requests it applied to.
pub(super) struct ActiveFault {
    fault: Fault,
    requests: usize,
}

impl FaultPlan {
    /// Returns the fault for a request to this endpoint about this token or access key, and counts the request.
    pub(super) fn next_fault(&mut self, endpoint: &str, credential: Option<&str>) -> Option<Fault> {
        if let Some((left, active)) = &mut self.limited
            && *left > 0
        {
            *left -= 1;
            return active.next_fault();
        }
        let by_credential = credential.and_then(|credential| self.by_credential.get_mut(credential));
        let by_endpoint = self.by_endpoint.get_mut(endpoint);
        by_credential.or(by_endpoint).or(self.global.as_mut())?.next_fault()
    }
}

impl ActiveFault {
    fn next_fault(&mut self) -> Option<Fault> {
        self.requests += 1;
        let passes = matches!(self.fault, Fault::Flapping) && self.requests % 2 == 1;
        (!passes).then(|| self.fault.clone())
    }
}

impl From<Fault> for ActiveFault {
    fn from(fault: Fault) -> Self {
        Self { fault, requests: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specific_faults_take_precedence() {
        let mut plan = FaultPlan {
            limited: Some((2, Fault::Hang.into())),
            by_credential: BTreeMap::from([("token".to_owned(), Fault::Reset.into())]),
            by_endpoint: BTreeMap::from([("/a".to_owned(), Fault::Html.into())]),
            global: Some(Fault::Flapping.into()),
        };
        assert!(matches!(plan.next_fault("/a", Some("token")), Some(Fault::Hang)));
        assert!(matches!(plan.next_fault("/b", None), Some(Fault::Hang)));
        assert!(matches!(plan.next_fault("/a", Some("token")), Some(Fault::Reset)));
        assert!(matches!(plan.next_fault("/a", Some("another")), Some(Fault::Html)));
        assert!(matches!(plan.next_fault("/a", None), Some(Fault::Html)));
        assert!(plan.next_fault("/b", None).is_none());
        assert!(matches!(plan.next_fault("/b", None), Some(Fault::Flapping)));
        assert!(plan.next_fault("/b", None).is_none());
        assert!(FaultPlan::default().next_fault("/a", None).is_none());
    }
}
