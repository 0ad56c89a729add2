//! A log-in for front ends: OpenID Connect's authorization code flow with PKCE, as much of it as front ends use.

mod answer;
mod authorize;
mod claims;
mod cookie;
mod discovery;
mod door;
mod end_session;
mod grants;
mod log_ins;
mod page;
mod redirect;
mod routes;
mod sessions;
mod signer;
mod submit;
mod token;
mod userinfo;
mod words;

pub(crate) use door::Door;
pub(crate) use log_ins::LogIns;
pub(crate) use redirect::check_redirect_uri;
pub(crate) use routes::routes;
