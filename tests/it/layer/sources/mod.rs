//! Where else than in `Authorization` a credential may stand.

// How long a credential may be.
mod lengths;
// Which origins a cookie counts from.
mod origins;
// Query parameters, and who does not get to see them.
mod queries;
// What the log and the response say where no credential counts.
mod reasons;
// WebSockets over HTTP/1.1 and HTTP/2.
mod sockets;
// Each source by itself, and several together.
mod values;
