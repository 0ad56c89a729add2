//! The log-in, as a front end and a browser use it.

mod codes;
mod front_end;
mod sessions;
