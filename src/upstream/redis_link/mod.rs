//! A connection to Redis that is dialled again for ever, and thrown away as soon as it is of no use.
//!
//! Over the crate redis, whose `MultiplexedConnection` never comes back and whose `ConnectionManager` does not always: not on a
//! path that has gone mute, and not after a refused log-in. It also has callers wait while it reconnects, and drops a
//! subscription that is refused at a reconnect without a word.
//!
//! So a connection stands in a slot. Calls take what is in it, or fail at once; some wait where it was lost a moment ago. One task dials, whatever the error, and empties
//! the slot when the connection ends, answers late several times in a row, or answers no PING.

mod address;
mod connection;
mod dialer;
mod error;
mod link;
mod slot;

pub(crate) use address::RedisAddress;
pub(crate) use connection::Connection;
#[cfg(feature = "jwt")]
pub(crate) use connection::is_flush;
pub(crate) use dialer::{Dialer, LinkConfig, Session};
pub(crate) use error::LinkError;
pub(crate) use link::Link;
