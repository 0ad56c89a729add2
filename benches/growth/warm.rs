//! What warm requests carry: long tokens, many permissions, many extractors.

use aigc_auth::{AuthClient, AuthLayer, CurrentUser, RequirePermission, UserInfo, permissions};
use axum::Router;
use axum::routing::{MethodRouter, get};
use tower::Layer;

use crate::asking::{Asking, Way};
use crate::request::{headers, sends};
use crate::series::{Cost, Series};

permissions! {
    Last = "permission:last";
}

pub(crate) fn series() -> Vec<Series> {
    vec![
        Series {
            name: "a warm request, by bytes of its token",
            sizes: &[40, 128, 512, 2_048, 4_096, 8_192],
            cost: Cost::Instructions(by_token),
            bound: "the keyed hash reads each byte once",
        },
        Series {
            name: "a warm request with `RequirePermission`, by permissions of its user",
            sizes: &[1, 10, 100, 1_000, 10_000],
            cost: Cost::Instructions(by_permissions),
            bound: "a table of hashes, made once for a list",
        },
        Series {
            name: "a warm request, by `CurrentUser` extractors of its handler",
            sizes: &[1, 2, 4, 8],
            cost: Cost::Instructions(by_extractors),
            bound: "each finds the user in the extensions anew",
        },
        Series {
            name: "a lookup, by permissions of its user",
            sizes: &[0, 10, 100, 1_000, 10_000],
            cost: Cost::Instructions(|size| looked_up(Way::Client, size)),
            bound: "reading the JSON, and copying the codes",
        },
        Series {
            name: "a bare POST that gets the same answer",
            sizes: &[0, 10, 100, 1_000, 10_000],
            cost: Cost::Instructions(|size| looked_up(Way::Bare, size)),
            bound: "copying the bytes",
        },
    ]
}

/// Sends warm requests of this user with this token.
fn warm(token: &str, user: UserInfo, route: MethodRouter) -> Box<dyn FnMut()> {
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().expect("a client");
    client.cache_user(token, user);
    let auth = AuthLayer::new(client).max_credential_len(16 * 1024);
    let service = auth.layer(Router::<()>::new().route("/me", route));
    Box::new(sends::<_, axum::body::Body, _>(service, headers(Some(token)), 200))
}

fn by_token(bytes: u64) -> Box<dyn FnMut()> {
    let user = UserInfo::builder(7, "alice").build();
    warm(&"t".repeat(bytes as usize), user, get(|| async { "ok" }))
}

fn by_permissions(permissions: u64) -> Box<dyn FnMut()> {
    let codes = (1..permissions).map(|n| format!("permission:{n}")).chain(["permission:last".to_owned()]);
    let user = UserInfo::builder(7, "alice").permissions(codes).build();
    warm("token", user, get(|_: RequirePermission<Last>| async { "ok" }))
}

fn by_extractors(extractors: u64) -> Box<dyn FnMut()> {
    type User = CurrentUser;
    let route = match extractors {
        1 => get(|_: User| async { "ok" }),
        2 => get(|_: User, _: User| async { "ok" }),
        4 => get(|_: User, _: User, _: User, _: User| async { "ok" }),
        8 => get(|_: User, _: User, _: User, _: User, _: User, _: User, _: User, _: User| async { "ok" }),
        other => panic!("no handler of {other} extractors"),
    };
    warm("token", UserInfo::builder(7, "alice").build(), route)
}

fn looked_up(way: Way, permissions: u64) -> Box<dyn FnMut()> {
    let mut asking = Asking::new(permissions as usize);
    Box::new(move || asking.ask(way, 1, 1))
}
