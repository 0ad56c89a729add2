//! A bus over PostgreSQL's LISTEN and NOTIFY.

mod bus;
mod calls;
mod listening;
mod payload;

pub use bus::PostgresBus;
