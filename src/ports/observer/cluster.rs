use crate::types::labels::labels;

/// What passed between this replica and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterTraffic {
    /// What has happened.
    pub change: ClusterChange,
    /// How many invalidations it is about.
    pub messages: u64,
    /// How many invalidations wait to be sent by now.
    pub waiting: usize,
}

impl ClusterChange {
    /// Whether it is about no message in particular.
    #[cfg(feature = "client")]
    pub(crate) const fn is_of_contact(self) -> bool {
        matches!(self, Self::Joined | Self::Separated | Self::Missed)
    }
}

labels! {
    /// What passed between replicas.
    pub enum ClusterChange {
        /// In touch with the others, at the start or again.
        Joined = "joined",
        /// Out of touch: what others invalidate may not be known here. Also told of a replica that is not in touch 5 s after its
        /// start.
        Separated = "separated",
        /// Invalidations were sent.
        Sent = "sent",
        /// Invalidations could not be sent; they are sent again.
        SendFailed = "send_failed",
        /// An invalidation came over the bus, such as from another replica.
        Received = "received",
        /// Invalidations may have been missed: cached users are looked up anew.
        Missed = "missed",
    }
}
