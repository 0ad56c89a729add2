//! Start a cluster by its bus.

use std::sync::Arc;

use super::builder::ClusterBuilder;
use super::cluster::Cluster;
use crate::ports::invalidation_bus::InvalidationBus;
use crate::types::error::BuildError;

impl Cluster {
    /// Connects the replicas by a bus, with the defaults.
    ///
    /// # Errors
    /// Outside a runtime of tokio.
    pub fn new(bus: impl InvalidationBus) -> Result<Self, BuildError> {
        Self::builder(bus).build()
    }

    /// Starts to connect the replicas by a bus with other settings.
    pub fn builder(bus: impl InvalidationBus) -> ClusterBuilder {
        ClusterBuilder::new(Arc::new(bus))
    }
}
