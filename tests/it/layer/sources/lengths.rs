//! How long a credential may be.

use aigc_auth::AuthLayer;
use aigc_auth::credential::BearerToken;
use aigc_auth::layer::CredentialSource;
use aigc_auth::{AuthError, CurrentUser, OptionalUser, UserInfo, Verify};
use axum::Router;
use axum::routing::get;

use crate::support::{self, App, serve};

/// Knows every token, and says how long it is.
struct Length;

impl Verify<BearerToken> for Length {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        Ok(UserInfo::builder(7, token.as_str().len().to_string()).build())
    }
}

async fn app(configure: impl FnOnce(AuthLayer) -> AuthLayer) -> App {
    let sources = [
        CredentialSource::authorization(),
        CredentialSource::cookie("session"),
        CredentialSource::header("x-token"),
        CredentialSource::query("token").any_request(),
    ];
    let routes =
        Router::new().route("/", get(|user: CurrentUser| async move { user.username().to_owned() })).route(
            "/optional",
            get(|OptionalUser(user): OptionalUser| async move { format!("{}", user.is_some()) }),
        );
    serve(routes.layer(configure(AuthLayer::tokens_only(Length).credentials_from(sources)))).await
}

#[tokio::test]
async fn longer_credential_is_431_wherever_it_stands() {
    let (usual, longer) = (app(|auth| auth).await, app(|auth| auth.max_credential_len(40 * 1024)).await);
    for (app, limit) in [(&usual, 8 * 1024), (&longer, 40 * 1024)] {
        for over in [0, 1, 100 * 1024] {
            let token = "a".repeat(limit + over);
            let (bearer, cookie) = (format!("Bearer {token}"), format!("a=b; session={token}"));
            let (spaced, target) = (format!("bearer    {token}"), format!("/?token={token}"));
            for (what, target, headers) in [
                ("Authorization", "/", &[("authorization", &*bearer)][..]),
                ("Authorization with spaces", "/", &[("authorization", &*spaced)]),
                ("cookie", "/", &[("cookie", &*cookie)]),
                ("header", "/", &[("x-token", &*token)]),
                ("header with a scheme", "/", &[("x-token", &*bearer)]),
                ("query", &*target, &[]),
            ] {
                // A URI has 64 KiB at most.
                if target.len() > 65_000 {
                    continue;
                }
                let answer = support::get(app.address, target, headers).await;
                if over == 0 {
                    assert_eq!((answer.status, answer.body), (200, limit.to_string()), "{what} of {limit}");
                    continue;
                }
                assert_eq!(answer.status, 431, "{what} of {limit} + {over}");
                let body = r#"{"code":431,"message":"The credential is too long","data":null}"#;
                assert_eq!(answer.body, body, "{what} of {limit} + {over}");
                assert_eq!(answer.header("www-authenticate"), None, "{what}: another one would be no better");
            }
        }
    }
}

#[tokio::test]
async fn too_long_credential_is_not_taken_for_none() {
    let app = app(AuthLayer::allow_anonymous).await;
    let long = format!("Bearer {}", "a".repeat(9000));
    let get = async |target| support::get(app.address, target, &[("authorization", &*long)]).await;
    assert_eq!(get("/").await.status, 431);
    assert_eq!(get("/optional").await.body, "false");
}
