//! An exclusion opens what stands under that name, not what a parameter may be called.

use aigc_auth::AuthLayer;
use aigc_auth::testing::AuthCenter;
use axum::Router;
use axum::extract::RawPathParams;
use axum::routing::get;
use http::{Request, StatusCode, Uri};
use tower::{Layer, ServiceExt as _};
use tower_http::normalize_path::NormalizePathLayer;

use crate::support::{self, center, get_as, serve, serve_service};

/// A handler that needs no user, and says by what it was found.
async fn page(params: RawPathParams) -> String {
    params.iter().map(|(name, value)| format!("{name}={value} ")).collect()
}

async fn not_found(params: RawPathParams) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, page(params).await)
}

fn pages(paths: &[&str]) -> Router {
    paths.iter().fold(Router::new(), |router, path| router.route(path, get(page)))
}

/// What `nest` gets for each tenant.
fn tenant() -> Router {
    pages(&["/admin", "/open", "/"])
}

fn auth(center: &AuthCenter) -> AuthLayer {
    support::auth(center).exclude_prefix("/public").exclude_path("/open")
}

/// Cuts the first segment off, as a gateway does for the services behind it.
fn without_first_segment<B>(mut request: Request<B>) -> Request<B> {
    let path = request.uri().path().trim_start_matches('/');
    let rest = path.split_once('/').map_or("", |(_, rest)| rest);
    *request.uri_mut() = Uri::try_from(format!("/{rest}")).unwrap();
    request
}

/// A target, and what it is answered without a credential: 200 is open, 404 an open fallback.
type Row = (&'static str, u16);

/// Public pages beside tenants, whose name is a parameter.
const TENANTS: &[Row] = &[
    ("/public/hello", 200),
    ("/public/hello?x", 200),
    ("/public/admin", 401),
    ("/public/open", 401),
    ("/public", 401),
    ("/acme/admin", 401),
    ("/open", 401),
    ("/acme/open", 401),
    ("/%70ublic/admin", 401),
];

#[tokio::test]
async fn parameter_is_not_an_excluded_name() {
    let center = center().await;
    let auth = || auth(&center);
    let hello = || pages(&["/public/hello"]);
    let deep = || Router::new().nest("/{area}", pages(&["/admin"]));
    let two = |auth: AuthLayer| auth.exclude_prefix("/a/b").exclude_prefix("/a/x");

    let cut_off = pages(&["/admin", "/public/hello"]).layer(auth());
    let gateway = Router::new().fallback_service(cut_off.clone().map_request(without_first_segment));
    let gateway_inside = Router::new().nest("/public", Router::new().fallback_service(cut_off));

    let layouts: Vec<(&str, Router, &[Row])> = vec![
        ("nest, layer outside", hello().nest("/{tenant}", tenant()).layer(auth()), TENANTS),
        ("nest, layer inside", hello().layer(auth()).nest("/{tenant}", tenant().layer(auth())), TENANTS),
        (
            "a fallback for each tenant",
            hello().layer(auth()).nest_service("/{tenant}", tenant().fallback(not_found).layer(auth())),
            &[("/public/hello", 200), ("/public/none", 401), ("/public/admin/none", 401)],
        ),
        (
            "nest, route_layer",
            hello().nest("/{tenant}", tenant()).route_layer(auth()),
            &[("/public/hello", 200), ("/public/admin", 401), ("/public", 401), ("/public/none", 404)],
        ),
        ("nest_service, layer outside", hello().nest_service("/{tenant}", tenant()).layer(auth()), TENANTS),
        (
            "nest_service, layer inside",
            hello().layer(auth()).nest_service("/{tenant}", tenant().layer(auth())),
            TENANTS,
        ),
        (
            "nest_service of a service within the layer",
            hello().layer(auth()).nest_service("/{tenant}", auth().layer(tenant())),
            TENANTS,
        ),
        (
            "merge",
            Router::new().merge(hello()).merge(Router::new().nest("/{tenant}", tenant())).layer(auth()),
            TENANTS,
        ),
        (
            "layer of a method",
            hello().route("/{tenant}/admin", get(page).layer(auth())),
            &[("/public/hello", 200), ("/public/admin", 401)],
        ),
        (
            "nest within nest",
            pages(&["/a/b/admin"]).nest("/{tenant}", deep()).nest("/a", deep()).layer(two(auth())),
            &[
                ("/a/b/admin", 200),
                ("/a/x/admin", 401),
                ("/public/b/admin", 401),
                ("/public/public/admin", 401),
            ],
        ),
        (
            "nest_service within nest",
            Router::new()
                .nest("/a", Router::new().nest_service("/{area}", pages(&["/admin"])))
                .layer(two(auth())),
            &[("/a/b/admin", 401), ("/a/x/admin", 401)],
        ),
        (
            "a service that cuts the first segment off",
            gateway,
            // What is left, `/public/hello`, is not what was sent, and the name that was sent is not the route's.
            &[
                ("/public/admin", 401),
                ("/x/admin", 401),
                ("/x/public/hello", 401),
                ("/public/public/hello", 200),
            ],
        ),
        ("the same by nest", gateway_inside, &[("/public/admin", 401), ("/public/public/hello", 200)]),
    ];
    for (layout, router, rows) in layouts {
        let app = serve(router).await;
        for (target, expected) in rows {
            let answer = support::get(app.address, target, &[]).await;
            assert_eq!(answer.status, *expected, "{target}, {layout}: {answer:?}");
            let alice = get_as(app.address, "alice-token", target).await;
            assert!(matches!(alice.status, 200 | 404), "alice at {target}, {layout}: {alice:?}");
        }
    }
}

#[tokio::test]
async fn name_stays_open_in_every_layout() {
    let center = center().await;
    let auth = || auth(&center);
    let below = || pages(&["/", "/hello", "/{id}", "/{id}/parts"]);
    let open: &[Row] = &[
        ("/public/hello", 200),
        ("/public/7", 200),
        ("/public/7/parts", 200),
        ("/public", 200),
        ("/publicity", 401),
    ];
    let files = || get(page);

    let whole = Router::new().route("/public/hello", get(page)).route("/{tenant}/admin", get(page));
    let layouts: Vec<(&str, Router, &[Row])> = vec![
        (
            "nest, layer outside",
            Router::new().nest("/public", below()).fallback(not_found).layer(auth()),
            open,
        ),
        ("nest, layer inside", Router::new().nest("/public", below().layer(auth())), &open[..4]),
        (
            "nest_service, layer outside",
            Router::new().nest_service("/public", below()).fallback(not_found).layer(auth()),
            open,
        ),
        (
            "nest_service, layer inside",
            Router::new().nest_service("/public", below().layer(auth())),
            &open[..4],
        ),
        (
            "nest_service of a service, with a parameter below the name",
            Router::new().nest_service("/public/{kind}", pages(&["/x"])).layer(auth()),
            // The name's own value may be the caller's.
            &[("/public/css/x", 200), ("/public/public/x", 401)],
        ),
        (
            "fallbacks",
            Router::new().nest("/public", below().fallback(not_found)).fallback(not_found).layer(auth()),
            &[("/public/a/b/c", 404), ("/none", 401), ("/open", 404)],
        ),
        (
            "a fallback within a parameter below the name",
            Router::new().nest_service("/public/{kind}", below().fallback(not_found).layer(auth())),
            &[("/public/css/a/b/c", 404), ("/public/public/a/b/c", 401)],
        ),
        (
            "a catch-all below the name",
            Router::new().route("/public/{*path}", files()).layer(auth().exclude_path("/files/a.css")),
            &[("/public/hello", 200), ("/public/a/b.css", 200), ("/public/../x", 401)],
        ),
        (
            "a catch-all above the name",
            Router::new().route("/{*path}", files()).layer(auth()),
            &[("/public/hello", 200), ("/open", 200), ("/admin", 401)],
        ),
        (
            "a router in a catch-all",
            Router::new()
                .route_service("/{*path}", whole.layer(auth()).map_request(|request: Request<_>| request)),
            &[("/public/hello", 200), ("/public/admin", 401)],
        ),
        (
            "slashes at the end",
            pages(&["/public/", "/open", "/open/"]).layer(auth()),
            &[("/public/", 200), ("/open", 200), ("/open/", 401)],
        ),
        (
            "a literal with escapes",
            pages(&["/%E5%85%AC", "/{{open}}"]).layer(auth().exclude_path("/%E5%85%AC")),
            &[("/%E5%85%AC", 200), ("/{open}", 401)],
        ),
    ];
    for (layout, router, rows) in layouts {
        let app = serve(router).await;
        for (target, expected) in rows {
            let answer = support::get(app.address, target, &[]).await;
            assert_eq!(answer.status, *expected, "{target}, {layout}: {answer:?}");
        }
    }

    // The route is not known yet: the path is all there is.
    let routes = || pages(&["/public/hello"]).nest("/{tenant}", tenant());
    for (layout, app) in [
        ("around the Router", serve_service(auth().layer(routes())).await),
        (
            "NormalizePath outside of that",
            serve_service(NormalizePathLayer::trim_trailing_slash().layer(auth().layer(routes()))).await,
        ),
    ] {
        for (target, expected) in [("/public/hello", 200), ("/public/admin", 200), ("/acme/admin", 401)] {
            assert_eq!(support::get(app.address, target, &[]).await.status, expected, "{target}, {layout}");
        }
    }
}
