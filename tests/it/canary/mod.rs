//! Secrets that stand nowhere else go through everything, in success and in failure, and none of them comes to stand where
//! somebody may read it. The section "Canary" of `docs/testing.md` says which secrets, and where is looked.

// What sees all of it: the secrets, the places, what is shown.
mod flight;
// A server that sends back what it gets, in many spellings.
mod echo;
// Every public type shows itself: the list is complete.
mod public_types;
// What is logged on all threads, at TRACE, of all crates.
mod recorder;
// One process in which all of it happens, and the search.
mod run;
// The secrets.
mod secrets;
// The search finds what is planted, in each spelling.
mod spellings;
// One file for each part of the crate.
mod stories;
