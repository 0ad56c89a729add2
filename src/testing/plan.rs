//! Which fault a request meets.

use std::collections::BTreeMap;

use super::fault::Fault;

/// The faults that are on, the more particular ones first.
#[derive(Default)]
pub(super) struct Plan {
    /// For so many requests more.
    pub(super) next: Option<(usize, Active)>,
    pub(super) on: BTreeMap<String, Active>,
    pub(super) always: Option<Active>,
}

/// A fault, and how many requests met it.
pub(super) struct Active {
    fault: Fault,
    met: usize,
}

impl Plan {
    /// The fault for a request to this endpoint, which counts as having met it.
    pub(super) fn strike(&mut self, endpoint: &str) -> Option<Fault> {
        if let Some((left, active)) = &mut self.next
            && *left > 0
        {
            *left -= 1;
            return active.strike();
        }
        self.on.get_mut(endpoint).or(self.always.as_mut())?.strike()
    }
}

impl Active {
    fn strike(&mut self) -> Option<Fault> {
        self.met += 1;
        let spared = matches!(self.fault, Fault::Flapping) && self.met % 2 == 1;
        (!spared).then(|| self.fault.clone())
    }
}

impl From<Fault> for Active {
    fn from(fault: Fault) -> Self {
        Self { fault, met: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particular_faults_come_first() {
        let mut plan = Plan {
            next: Some((2, Fault::Hang.into())),
            on: BTreeMap::from([("/a".to_owned(), Fault::Html.into())]),
            always: Some(Fault::Flapping.into()),
        };
        assert!(matches!(plan.strike("/a"), Some(Fault::Hang)));
        assert!(matches!(plan.strike("/b"), Some(Fault::Hang)));
        assert!(matches!(plan.strike("/a"), Some(Fault::Html)));
        assert!(plan.strike("/b").is_none());
        assert!(matches!(plan.strike("/b"), Some(Fault::Flapping)));
        assert!(plan.strike("/b").is_none());
        assert!(Plan::default().strike("/a").is_none());
    }
}
