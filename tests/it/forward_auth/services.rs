//! Services that call those behind the proxy.

use aigc_auth::forward_auth::{ForwardAuth, Identity, Proxy};
use aigc_auth::service::WithServices;
use aigc_auth::tenant::TenantPolicy;
use aigc_auth::{AuthError, AuthLayer};

use crate::forward_auth::support::{PATH, PROXIES, ask, identity, serve_for};
use crate::service::support::{AUDIENCE, alice, claims, frontend, services, sign, users};
use crate::support::{Answer, serve};
use crate::tenant::support::Table;

fn layer() -> AuthLayer {
    AuthLayer::new(WithServices::new(users().build().unwrap(), services())).exclude_prefix("/public")
}

fn service(answer: &Answer) -> [Option<&str>; 2] {
    ["x-service-name", "x-service-scopes"].map(|name| answer.header(name))
}

#[tokio::test]
async fn answer_has_the_service_or_the_user_and_never_what_the_client_says() {
    let odd = sign(&claims("service:前端 a", AUDIENCE, "a,b 编辑"));
    let forged = [
        ("x-service-name", "root"),
        ("x-service-scopes", "admin:access"),
        ("x-user-id", "1"),
        ("x-user-name", "root"),
    ];
    for proxy in PROXIES {
        for auth in [layer(), layer().tenants(TenantPolicy::new(Table::new()).without_default_org())] {
            let endpoint = serve_for(proxy, auth).await;
            for (what, target, token, expected_user, expected_service) in [
                (
                    "a service",
                    "/x",
                    Some(frontend("orders:read orders:purge")),
                    "",
                    ["frontend", "orders:read,orders:purge"],
                ),
                ("without scopes", "/x", Some(frontend("")), "", ["frontend", ""]),
                (
                    "an odd one",
                    "/x",
                    Some(odd.clone()),
                    "",
                    ["%E5%89%8D%E7%AB%AF%20a", "a%2Cb,%E7%BC%96%E8%BE%91"],
                ),
                ("a user", "/x", Some(alice()), "alice", ["", ""]),
                ("nobody", "/public/x", None, "", ["", ""]),
                ("a service where none is verified", "/public/x", Some(frontend("a")), "", ["", ""]),
            ] {
                let bearer = token.map(|token| format!("Bearer {token}"));
                let mut headers = forged.to_vec();
                headers.extend(bearer.as_ref().map(|bearer| ("authorization", &**bearer)));
                let answer = ask(endpoint.address, proxy, "GET", target, &headers).await;
                let what = format!("{proxy:?}: {what}");
                assert_eq!(answer.status, 200, "{what}");
                assert_eq!(service(&answer), expected_service.map(Some), "{what}");
                assert_eq!(identity(&answer)[0], Some(expected_user), "{what}");
            }
            let denied = ask(endpoint.address, proxy, "GET", "/x", &forged).await;
            assert_eq!((denied.status, service(&denied)), (401, [None, None]), "{proxy:?}");
        }
    }
}

#[tokio::test]
async fn rules_are_for_users_and_functions_see_services() {
    let rules =
        ForwardAuth::new(layer(), Proxy::Caddy).require_prefix("/admin", |_| Ok(())).authorize(|request| {
            match request.service() {
                Some(service) if !service.has_scope("orders:read") => {
                    Err(AuthError::missing_permission("orders:read"))
                }
                Some(service) => {
                    assert!(request.user().is_none() && service.name() == "frontend");
                    Ok(())
                }
                None => Ok(()),
            }
        });
    let endpoint = serve(rules.router(PATH)).await;
    for (target, token, expected) in [
        ("/x", frontend("orders:read"), 200),
        ("/x", frontend("orders:write"), 403),
        ("/x", alice(), 200),
        ("/admin", frontend("orders:read"), 403),
        ("/admin", alice(), 200),
    ] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", &*bearer)];
        let answer = ask(endpoint.address, Proxy::Caddy, "GET", target, &headers).await;
        assert_eq!(answer.status, expected, "{target} {token}");
    }
}

#[tokio::test]
async fn headers_of_services_have_other_names_or_none_and_a_length() {
    let endpoint = |max_len| {
        let rules = ForwardAuth::new(layer(), Proxy::Caddy)
            .header(Identity::Service, "X-Caller")
            .without_header(Identity::Scopes)
            .max_header_len(max_len);
        serve(rules.router(PATH))
    };
    let (long, short) = (endpoint(8).await, endpoint(7).await);
    let bearer = format!("Bearer {}", frontend("orders:read"));
    let headers = [("authorization", &*bearer)];
    let answer = ask(long.address, Proxy::Caddy, "GET", "/x", &headers).await;
    assert_eq!(
        (answer.status, answer.header("x-caller"), service(&answer)),
        (200, Some("frontend"), [None, None])
    );
    // Without its name, the request would be another's.
    assert_eq!(ask(short.address, Proxy::Caddy, "GET", "/x", &headers).await.status, 500);
}
