//! The organisation and team of a request to a service behind the proxy.

use aigc_auth::forward_auth::{ForwardAuth, Identity};
use aigc_auth::tenant::{NoMembership, TenantPolicy};

use crate::forward_auth::support::{PATH, PROXIES, ask, serve_for};
use crate::support::serve;
use crate::tenant::support::{Table, layer, unavailable};

#[tokio::test]
async fn answer_has_the_tenant_of_the_caller() {
    let table = Table::new();
    let auth = layer(TenantPolicy::new(table.clone())).exclude_prefix("/public");
    let (acme, design, app) = (("x-org-id", "acme"), ("x-team-id", "design"), ("x-team-id", "app"));
    let root = ("x-act-as-user-id", "u-8");
    for proxy in PROXIES {
        let endpoint = serve_for(proxy, auth.clone()).await;
        for (target, token, sent, status, tenant) in [
            ("/x", "alice-token", vec![], 200, ("home-7", "")),
            ("/x", "alice-token", vec![acme], 200, ("acme", "")),
            ("/x", "alice-token", vec![acme, design], 200, ("acme", "design")),
            // The user of the answer is the caller, whomever the services behind may let them act as.
            ("/x", "alice-token", vec![acme, design, root], 200, ("acme", "design")),
            ("/x", "bob-token", vec![], 200, ("", "")),
            ("/x", "alice-token", vec![acme, app], 403, ("-", "-")),
            ("/x", "alice-token", vec![("x-org-id", "evil")], 403, ("-", "-")),
            ("/x", "bob-token", vec![("x-org-id", "umbrella")], 403, ("-", "-")),
            // Nobody's: what the client claims is replaced by nothing.
            ("/public/x", "alice-token", vec![acme, design], 200, ("", "")),
        ] {
            let bearer = format!("Bearer {token}");
            let headers = [&[("authorization", &*bearer)], &*sent].concat();
            let answer = ask(endpoint.address, proxy, "GET", target, &headers).await;
            let told = |name| answer.header(name).unwrap_or("-");
            let what = format!("{proxy:?} {target} {token} {sent:?}");
            assert_eq!((answer.status, (told("x-org-id"), told("x-team-id"))), (status, tenant), "{what}");
        }
        table.refuse(7, Some("gone"), unavailable());
        let headers = [("authorization", "Bearer alice-token"), ("x-org-id", "gone")];
        let answer = ask(endpoint.address, proxy, "GET", "/x", &headers).await;
        let (status, auth_status) = (answer.status, answer.header("x-auth-status"));
        // nginx understands 403 only, and is told the other in a header.
        assert!(status == 503 || (status, auth_status) == (403, Some("503")), "{proxy:?}: {status}");
    }
}

#[tokio::test]
async fn headers_of_tenants_have_other_names_or_none() {
    let table = Table::new();
    table.refuse("u-8", Some("acme"), NoMembership::Suspended);
    let auth = || layer(TenantPolicy::new(table.clone()));
    for proxy in PROXIES {
        let endpoint = ForwardAuth::new(auth(), proxy)
            .header(Identity::Org, "X-Tenant")
            .without_header(Identity::Team)
            .router(PATH);
        let endpoint = serve(endpoint).await;
        let headers =
            [("authorization", "Bearer alice-token"), ("x-org-id", "acme"), ("x-team-id", "design")];
        let answer = ask(endpoint.address, proxy, "GET", "/x", &headers).await;
        let names = ["x-tenant", "x-org-id", "x-team-id"].map(|name| answer.header(name));
        assert_eq!((answer.status, names), (200, [Some("acme"), None, None]), "{proxy:?}");
        let headers = [("authorization", "Bearer bob-token"), ("x-org-id", "acme")];
        assert_eq!(ask(endpoint.address, proxy, "GET", "/x", &headers).await.status, 403, "{proxy:?}");
    }
}
