//! What one step costs, as measured.
//!
//! Of Redis: `--bench scale -- redis`, redis-server 7.0.15 on a machine with 2 cores, the worst of three runs rounded up. Its processor
//! time is what limits it, for it has one thread.

/// A batch of messages to one subscriber: a system call that writes.
pub(crate) const BATCH_TO_ONE: f64 = 1.7e-6;
/// Each message of it: a place in a buffer. Together 2.0 ms for one message to 1,000, and 0.34 ms in a burst.
pub(crate) const MESSAGE_TO_ONE: f64 = 0.34e-6;
/// A short command of one connection among a thousand that ask at the same time: PING.
pub(crate) const COMMAND: f64 = 6.7e-6;
/// A look into the shared cache, two GETs and TIME, of as many. So one Redis answers at most 116,000 a second.
pub(crate) const LOOK: f64 = 8.6e-6;
/// A value of 700 bytes that is written, and its lock released.
pub(crate) const SET: f64 = 13e-6;
/// XADD and its PUBLISH, without those who get it.
pub(crate) const PUBLISH: f64 = 20e-6;
/// INFO server, XINFO STREAM and XRANGE of nothing, in one round trip.
pub(crate) const CHECK: f64 = 14e-6;

/// There and back, of two calls one after the other: publish to receive takes 0.13 to 0.44 ms with one subscriber (median).
pub(crate) const ROUND_TRIPS: f64 = 0.44e-3;

pub(crate) mod bytes {
    //! What goes over the network, without the frames of TCP.

    /// A message, as each subscriber gets it.
    pub(crate) const MESSAGE: f64 = 200.0;
    /// The answer to a check, and the check.
    pub(crate) const CHECK: f64 = 1_150.0 + 120.0;
    pub(crate) const PING: f64 = 21.0;
    /// A sealed value that is read, with the question.
    pub(crate) const HIT: f64 = 950.0;
    /// One that is not there: two looks, its lock and its release, and its writing.
    pub(crate) const MISS: f64 = 1_400.0;
    /// A call to the center, request and answer with their heads.
    pub(crate) const CALL: f64 = 1_500.0;
}
