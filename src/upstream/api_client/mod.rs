//! Call an endpoint of the auth center: send, read within bounds, classify, retry once.

mod at_once;
mod attempt;
mod base_url;
mod call;
mod check;
mod client;
mod data;
mod decode;
mod error;
mod failure;
mod feishu_code;
#[cfg(all(feature = "jwt", feature = "test-util"))]
pub(crate) mod fuzz;
pub(crate) mod identity;
mod message;
mod outcome;
mod redaction;
mod rejection;
#[cfg(any(feature = "registry", feature = "stats", feature = "user-sync"))]
mod report;

pub(crate) use base_url::BaseUrl;
pub(crate) use call::Call;
pub(crate) use client::{ApiClient, Settings};
pub(crate) use data::{Listing, UserOfCredential};
pub(crate) use error::CallError;
pub(crate) use failure::retry_after;
#[cfg(any(feature = "registry", feature = "stats", feature = "user-sync"))]
pub(crate) use report::SendError;
