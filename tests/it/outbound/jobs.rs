//! Jobs that no request has caused, and the credential that their calls carry.

use aigc_auth::context::{InContext, RequestContext};
use aigc_auth::credential::Credential;
use aigc_auth::testing;
use axum::Router;
use axum::routing::get;

use crate::outbound::support::{Host, Hostile, alice, outbound};
use crate::support::{self, center, serve};

fn access_key() -> Credential {
    Credential::new("ak_hunter_job").unwrap()
}

#[tokio::test]
async fn default_credential_is_of_jobs_without_a_request() {
    let (host, hostile) = (Host::http().await, Hostile::http().await);
    let outbound = outbound(&[&host], |builder| builder.default_credential(access_key()));
    let job = || RequestContext::builder().user(testing::user("alice").build());
    let own = job().credential(Credential::new("hunter-own").unwrap());
    for (what, context, expected) in [
        ("no context", None, "Bearer ak_hunter_job"),
        ("a user without a credential", Some(job().build()), "Bearer ak_hunter_job"),
        ("a trace id", Some(RequestContext::builder().trace_id("nightly").build()), "Bearer ak_hunter_job"),
        ("a credential of its own", Some(own.build()), "Bearer hunter-own"),
        ("alice", Some(alice()), "Bearer hunter-token"),
    ] {
        for url in
            [host.at("/"), hostile.at("/"), host.go(307, &hostile.at("/")), hostile.go(307, &host.at("/"))]
        {
            let call = outbound.get(url).send();
            let answer = match context.clone() {
                Some(context) => call.in_context(context).await,
                None => call.await,
            };
            assert_eq!(answer.unwrap().status(), 200, "{what}");
        }
        let heard: Vec<_> = host.heard();
        let sent: Vec<_> = heard.iter().map(|heard| heard.header("authorization")).collect();
        // Directly, before the redirect, and after one from a host that is not trusted.
        assert_eq!(sent, [Some(expected), Some(expected), None], "{what}");
        assert!(hostile.heard().iter().all(|heard| heard.header("authorization").is_none()), "{what}");
    }
    outbound.get(host.at("/")).bearer_auth("own").send().await.unwrap();
    assert_eq!(host.one().header("authorization"), Some("Bearer own"));
    assert!(!format!("{outbound:?}").contains("hunter_job"), "{outbound:?}");
}

/// Whoever sends an anonymous request must not act as the service's own user.
#[tokio::test]
async fn anonymous_request_never_carries_the_default_credential() {
    let (center, host) = (center().await, Host::http().await);
    let outbound = outbound(&[&host], |builder| builder.default_credential(access_key()));
    let url = host.at("/");
    let call = get(move || async move { outbound.get(url).send().await.unwrap().status().to_string() });
    let auth = support::auth(&center).allow_anonymous().exclude_path("/open");
    let app = serve(Router::new().route("/", call.clone()).route("/open", call).layer(auth)).await;
    for (path, headers, expected) in [
        ("/", &[][..], None),
        ("/open", &[], None),
        ("/open", &[("authorization", "Bearer alice-token")], None),
        ("/", &[("authorization", "Bearer alice-token")], Some("Bearer alice-token")),
    ] {
        assert_eq!(support::get(app.address, path, headers).await.body, "200 OK");
        assert_eq!(host.one().header("authorization"), expected, "{path} {headers:?}");
    }
}
