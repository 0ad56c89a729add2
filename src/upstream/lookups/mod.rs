//! Look users up: from the cache, by one call for all who wait, or stale while there is no answer.

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
#[cfg(all(test, shuttle))]
mod tests;
mod watched;

pub(crate) use lookups::Lookups;
pub(crate) use settings::{MAX_DURATION, Settings};
pub(crate) use source::{Backend, Fetch, Fetched, is_rejection, key_of, subject, what_of};
pub(crate) use watched::LookupWatch;
