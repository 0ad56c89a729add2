//! The organisation in the path, as servers behind this one read it.

use aigc_auth::tenant::{CurrentTenant, TenantPolicy};
use axum::Router;
use axum::extract::Request;
use axum::routing::get;

use super::support::{Table, ask, layer};

fn policy() -> TenantPolicy {
    TenantPolicy::new(Table::new()).path_param("org_id")
}

/// A gateway hands the path on as it came, and so has no use for axum's `Path`, which would reject it.
#[tokio::test]
async fn path_that_cannot_be_decoded_is_of_no_organisation() {
    let gateway = |_: CurrentTenant, request: Request| async move { request.uri().path().to_owned() };
    let app = Router::new().route("/orgs/{org_id}/files/{*path}", get(gateway)).layer(layer(policy()));
    for (path, expected) in [
        ("/orgs/acme/files/a%20b", 200),
        ("/orgs/umbrella/files/a", 403),
        ("/orgs/umbrella/files/%FF", 400),
        ("/orgs/acme/files/%FF", 400),
        ("/orgs/%FF/files/a", 400),
        ("/orgs/acme%00/files/a", 403),
        ("/orgs/acme%2F..%2Fumbrella/files/a", 403),
        ("/orgs/%2561cme/files/a", 403),
    ] {
        assert_eq!(ask(&app, path, "alice-token", &[("x-org-id", "acme")]).await.0, expected, "{path}");
    }
}

/// A nested service adds its parameters to those of the route that it is nested at, also under the same name.
#[tokio::test]
async fn each_parameter_of_the_name_is_compared() {
    let inner = Router::new().route("/{org_id}", get(|_: CurrentTenant| async {}));
    let app = Router::new().nest_service("/orgs/{org_id}/in", inner).layer(layer(policy()));
    for (path, expected) in
        [("/orgs/acme/in/acme", 200), ("/orgs/acme/in/umbrella", 403), ("/orgs/umbrella/in/acme", 403)]
    {
        assert_eq!(ask(&app, path, "alice-token", &[("x-org-id", "acme")]).await.0, expected, "{path}");
    }
}
