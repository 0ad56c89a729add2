//! Random histories of a list in Redis, of its pushes and of its outages, against what is really there; and single cases.

mod histories;
mod history;
mod known;
mod path;
mod redis;
mod requests;
