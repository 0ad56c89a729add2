//! nginx, Caddy, HAProxy and Apache (Debian's packages), by the configurations of `docs/proxies.md`.

// In front of a service in Python that has no authentication, for which they ask `ForwardAuth`.
mod asking;
// In front of `examples/full_service`.
mod full_service;
// In front of the layer: raw targets, addresses, long heads.
mod layer;
// A proxy as a process, and a client of it.
mod running;
// What a row expects.
mod seen;

use aigc_auth::layer::TrustedProxies;
use aigc_auth::testing::{self, AuthCenter};

use crate::support;

const ALICE: &[(&str, &str)] = &[("authorization", "Bearer alice-token")];
const ROOT: &[(&str, &str)] = &[("authorization", "Bearer root-token")];
const BAD: &[(&str, &str)] = &[("authorization", "Bearer unknown")];
const TWO: &[(&str, &str)] =
    &[("authorization", "Bearer alice-token"), ("authorization", "Bearer bob-token")];

const INVALID: &str = r#"Bearer error="invalid_token""#;
const SCOPE: &str = r#"Bearer error="insufficient_scope", scope="admin:access""#;

async fn auth_center() -> AuthCenter {
    let center = support::center().await;
    center.add_user(testing::user("root").id(1).permissions(["admin:access"]));
    center.add_user(testing::user("小明").id(9).roles(["编辑"]));
    center.add_token("ming", "小明");
    center.add_token("later", "alice");
    center
}

/// Only the proxies' address, not the client's.
fn trusted() -> TrustedProxies {
    TrustedProxies::only(["127.0.0.1/32".parse().unwrap()]).with_forwarded_proto()
}
