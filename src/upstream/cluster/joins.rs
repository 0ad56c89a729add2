//! A cache that may belong to a cluster.

use std::sync::{Arc, Weak};

use super::cluster::Cluster;
use super::member::Member;
use crate::ports::invalidate::{Invalidate, SpreadError};
use crate::ports::invalidation::Invalidation;

/// A cache with the setting of a cluster. What it is told, all caches of its cluster are told, itself among them; without one, it
/// alone.
pub(crate) trait Joins: Member + Sized {
    /// The cluster that it belongs to.
    fn cluster(&self) -> Option<&Cluster>;

    /// Has the cluster tell it what to invalidate, for as long as it is there.
    fn joined(self) -> Arc<Self> {
        let joined = Arc::new(self);
        if let Some(cluster) = joined.cluster() {
            let member: Weak<Self> = Arc::downgrade(&joined);
            cluster.attach(member);
        }
        joined
    }

    /// As [`Invalidate::apply`].
    fn invalidate(&self, invalidation: &Invalidation) {
        match self.cluster() {
            Some(cluster) => cluster.apply(invalidation),
            None => self.apply_here(invalidation),
        }
    }

    /// As [`Invalidate::apply_here`].
    fn invalidate_here(&self, invalidation: &Invalidation) {
        match self.cluster() {
            Some(cluster) => cluster.apply_here(invalidation),
            None => self.apply_here(invalidation),
        }
    }

    /// As [`Invalidate::spread`].
    fn spread(&self) -> impl Future<Output = Result<(), SpreadError>> + Send {
        async {
            match self.cluster() {
                Some(cluster) => cluster.spread().await,
                None => Ok(()),
            }
        }
    }
}
