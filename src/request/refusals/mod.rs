//! Turn an error into an HTTP response that its caller can read.

mod challenge;
mod complete;
mod grpc;
mod head;
mod log_in_page;
mod note;
mod problem;
mod reentry;
mod refusal;
mod responder;
mod settings;
mod wording;

pub(crate) use grpc::{Grpc, recorded_status};
#[cfg(feature = "tonic")]
pub(crate) use grpc::{code, metadata};
pub(crate) use head::{Head, RequestHead};
pub use refusal::Refusal;
pub use responder::ErrorResponder;
pub(crate) use settings::RefusalSettings;
#[cfg(feature = "tonic")]
pub(crate) use wording::Wording;
