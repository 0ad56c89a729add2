//! Start a list by where its Redis is.

use super::builder::RedisRevocationsBuilder;
use super::revocations::RedisRevocations;
use crate::types::error::BuildError;

impl RedisRevocations {
    /// Starts to connect to this Redis, and does not wait for it: `redis://`, `rediss://` (TLS), `unix://`.
    ///
    /// # Errors
    /// As [`RedisRevocationsBuilder::build`].
    pub fn connect(url: impl Into<String>) -> Result<Self, BuildError> {
        Self::builder(url).build()
    }

    /// Starts a list in this Redis with other settings.
    pub fn builder(url: impl Into<String>) -> RedisRevocationsBuilder {
        RedisRevocationsBuilder::new(url.into())
    }
}
