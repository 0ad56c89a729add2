//! Replicas of a service that invalidate together.

// Buses of an app's own: those that lose, hang and panic.
mod bus;
// What Redis, the path to it and its administrator can do.
#[cfg(unix)]
mod faults;
// Each kind of invalidation reaches each cache of each replica, once.
#[cfg(unix)]
mod invalidations;
// For how long a replica trusts what it has cached when it hears nothing.
#[cfg(unix)]
mod out_of_touch;
// The bus over PostgreSQL: what arrives, and what a replica does about what may not have.
mod postgres_bus;
// Clients whose replicas have that bus.
mod postgres_clients;
// What this folder's tests share.
#[cfg(unix)]
mod support;
// Events that are in force everywhere before they are acknowledged.
#[cfg(unix)]
mod webhooks;
// Random histories of faults with a real Redis, in one process and in several.
#[cfg(unix)]
mod histories;
// Random histories of a cluster over a bus that the test plays.
mod scripted;
