//! The console's port: the page, and the API that it is built on. The API takes the console's token, as a bearer token; nothing
//! is changed by GET.

mod api;
#[allow(clippy::module_inception)]
mod console;
mod credentials;
mod error;
mod events;
mod faults;
mod groups;
mod name;
mod page;
mod services;
mod state;
mod stored;
mod users;

pub(crate) use api::routes;
pub(crate) use console::Console;
