use std::sync::{Arc, OnceLock};

use crate::host::Hosts;
use crate::hub::Hub;

/// What the handlers of the log-in share: set before the first request is answered, since the center has to listen before it
/// is known where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Door(Arc<OnceLock<(Arc<Hub>, Hosts)>>);

impl Door {
    pub(crate) fn open(&self, hub: Arc<Hub>, hosts: Hosts) {
        // There is one start of the program.
        let _ = self.0.set((hub, hosts));
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.inner().0
    }

    pub(super) fn hosts(&self) -> Hosts {
        self.inner().1.clone()
    }

    fn inner(&self) -> &(Arc<Hub>, Hosts) {
        self.0.get().expect("the center is paused until the door is open")
    }
}
