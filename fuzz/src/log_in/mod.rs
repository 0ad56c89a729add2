//! What the readers of seed files take from the center's log-in.

#![allow(dead_code)]

#[path = "../../../center/src/log_in/redirect.rs"]
mod redirect;

pub(crate) use redirect::check_redirect_uri;
