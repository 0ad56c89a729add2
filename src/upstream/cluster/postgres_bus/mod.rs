//! A bus over PostgreSQL's LISTEN and NOTIFY.

mod bus;
mod calls;
mod listening;
mod payload;
mod shared_session;

pub use bus::PostgresBus;
