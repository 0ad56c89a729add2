//! Push all users of the legacy system to the auth center.

mod checkpoint;
mod chunk;
mod delivery;
mod event;
mod failure;
mod options;
mod progress;
mod reader;
mod stream;
mod summary;
mod tally;

pub use event::PushEvent;
pub use failure::PushFailure;
pub use options::PushOptions;
pub use stream::Push;
pub use summary::PushSummary;
