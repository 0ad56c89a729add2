//! The laboratory: other people's software, which is too large or too slow for the everyday suite. `tests/lab/run.sh` runs it;
//! without that, its tests are skipped. A part is one file here: it says what it installs, and tests against it.

// better-auth (npm), in PostgreSQL.
mod better_auth;
// Pages in a headless Chromium: WebSockets, event streams, cookies, CORS.
mod browser;
// Directus (npm), in PostgreSQL.
mod directus;
// nginx, Caddy, HAProxy and Apache (Debian), in front of the full service, of the layer, and of a service that has none.
mod proxies;
// Where parts install what they need.
mod room;
// Tokens of jose, jsonwebtoken, better-auth and oidc-provider (npm).
mod tokens;
