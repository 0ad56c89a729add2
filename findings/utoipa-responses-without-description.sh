#!/usr/bin/env bash
# utoipa 6.0.0: a response of `#[utoipa::path]` that names a body and no `description` is written without one, and so are operations
# without any response, as `"responses": {}`. The document says that it is OpenAPI 3.1.0, in which a response must have a description
# (section 4.8.17.1) and an operation's responses at least one status (4.8.16). utoipa up to 5 wrote `"description": ""`. Nothing
# warns when it is compiled; Swagger's page shows such documents, and openapi-spec-validator refuses them.
#
# Why it matters here: our guide writes a description everywhere, and the tests have documents validated.
#
# Seen: {"200":{"content":{"text/plain":{"schema":{"type":"string"}}}}} and {}
# Needs cargo.
set -euo pipefail

room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
cd "$room"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "room"
version = "0.0.0"
edition = "2021"

[dependencies]
serde_json = "1"
utoipa = "=6.0.0"
TOML
cat >src/main.rs <<'RUST'
use utoipa::OpenApi;

#[utoipa::path(get, path = "/body", responses((status = 200, body = String)))]
#[allow(dead_code)]
fn body() {}

#[utoipa::path(get, path = "/none")]
#[allow(dead_code)]
fn none() {}

#[derive(OpenApi)]
#[openapi(paths(body, none))]
struct Api;

fn main() {
    let api = serde_json::to_value(Api::openapi()).unwrap();
    println!("{} {} {}", api["openapi"], api["paths"]["/body"]["get"]["responses"], api["paths"]["/none"]["get"]["responses"]);
}
RUST
seen="$(cargo run --quiet)"
printf '%s\n' "$seen"
expected='"3.1.0" {"200":{"content":{"text/plain":{"schema":{"type":"string"}}}}} {}'
[ "$seen" = "$expected" ] || { printf 'this has changed: expected %s\n' "$expected" >&2; exit 1; }
