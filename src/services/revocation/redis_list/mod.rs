//! A list of revocations that is kept in Redis, learned by push.

mod builder;
mod constructors;
mod found;
mod keys;
mod known;
mod listening;
mod lookup;
mod revocations;
#[cfg(test)]
mod tests;

pub use builder::RedisRevocationsBuilder;
pub use revocations::RedisRevocations;
