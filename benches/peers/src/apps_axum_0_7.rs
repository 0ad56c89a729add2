//! The cases of axum 0.7: jwt-authorizer, whose rejections are responses of that version.

use std::net::SocketAddr;

use axum_0_7::Router;
use axum_0_7::body::Body;
use axum_0_7::routing::get;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jwt_authorizer::{IntoLayer, JwtAuthorizer, Validation};
use tokio::net::TcpListener;

use crate::material::{AUDIENCE, Claims, ISSUER, Material, SECRET};
use crate::request::{headers, sends};
use crate::table::{BARE, Place};
use crate::worker::Cases;

pub(crate) struct Axum07;

impl Cases for Axum07 {
    type App = (Router, HeaderMap);

    async fn app(name: &str, material: Material, _: Place) -> Self::App {
        let bare = Router::new().route("/me", get(|| async { "ok" }));
        let (token, keys) = match name {
            BARE => return (bare, headers(Some(&material.hs256))),
            "jwt-authorizer-hs256" => (&material.hs256, JwtAuthorizer::<Claims>::from_secret(SECRET)),
            "jwt-authorizer-es256" => (&material.es256, JwtAuthorizer::from_ec_pem_text(&material.es256_pem)),
            "jwt-authorizer-rs256" => {
                (&material.rs256, JwtAuthorizer::from_rsa_pem_text(&material.rs256_pem))
            }
            _ => panic!("no such case: {name}"),
        };
        let validation = Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]);
        let authorizer = keys.validation(validation).build().await.expect("a key");
        (bare.layer(authorizer.into_layer()), headers(Some(token)))
    }

    fn send((router, headers): Self::App) -> Box<dyn FnMut()> {
        Box::new(sends::<_, Body, _>(router, headers, 200))
    }

    fn credential((_, headers): &Self::App) -> String {
        let value = headers.get(AUTHORIZATION).expect("a credential");
        format!("{AUTHORIZATION}: {}", value.to_str().expect("text"))
    }

    async fn listen((router, _): Self::App, listener: TcpListener) {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum_0_7::serve(listener, service).await.expect("served");
    }
}
