//! Look users up: from the cache, by one call for all who wait, or stale while there is no answer.

#[cfg(all(test, shuttle))]
mod interleavings;
mod invalidation;
#[allow(clippy::module_inception)]
mod lookups;
mod outcome;
mod revoked;
mod settings;
mod sharing;
mod snapshot;
mod source;
mod span;
mod watched;

pub(crate) use lookups::Lookups;
pub(crate) use settings::{MAX_DURATION, Settings};
pub(crate) use source::{Backend, Fetch, Fetched, is_rejection, key_of, subject, what_of};
pub(crate) use watched::LookupWatch;
