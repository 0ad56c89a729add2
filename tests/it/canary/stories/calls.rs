//! Every call to an auth center that sends back what it hears, or fails.

use std::time::Duration;

use aigc_auth::client::{
    AppToken, FeishuMessage, FeishuTokenRequest, FeishuUser, NewAccessKey, NewFeishuUser, SyncUser, WebhookId,
};
use aigc_auth::{AuthClient, Secret};
use futures_util::{StreamExt, TryStreamExt};
use http::HeaderMap;
use serde_json::json;

use crate::canary::echo::{Echo, MODES, Mode};
use crate::canary::flight::{Flight, search};
use crate::support::Canned;

pub(super) async fn story(flight: &Flight) {
    let echo = Echo::start().await;
    let secret = flight.secret("app secret");
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    // What a center says of users in its messages is shown, for operators.
    let said = &["carol@example.com", "555", "hello"].map(str::to_owned);
    let personal = personal(flight);
    for mode in MODES {
        echo.say(mode);
        let client =
            || echo.client(&secret).http_client(http.clone()).observer(flight.clone()).build().unwrap();
        flight.show(&client());
        flight.show(&echo.client(&secret));
        Box::pin(every_call(flight, client, said)).await;
        if mode == Mode::Hang {
            // Callers who leave.
            let leave =
                tokio::time::timeout(Duration::from_millis(60), Box::pin(every_call(flight, client, said)))
                    .await;
            assert!(leave.is_err());
        }
    }
    let heard = search().find(echo.heard());
    for name in
        ["app secret", "bearer token", "access key", "password", "webhook secret", "token of another app"]
    {
        assert!(heard.contains_key(name), "{name} did not arrive: {:?}", heard.keys());
    }
    // No name, no port, no TLS.
    let port =
        echo.url().replace("http://", "https://localhost:").replace("localhost:127.0.0.1", "localhost");
    for url in ["http://no-such-host.invalid", "http://127.0.0.1:1", &port] {
        let builder = AuthClient::builder("canary-app", &*secret, url).timeout(Duration::from_millis(250));
        let client = builder.observer(flight.clone()).build().unwrap();
        Box::pin(every_call(flight, || client.clone(), &personal)).await;
    }
    successes(flight, &secret).await;
}

/// With these words of persons: an e-mail address, a telephone number, a message to them.
async fn every_call(flight: &Flight, client: impl Fn() -> AuthClient, [email, phone, message]: &[String; 3]) {
    let token = &*flight.secret("bearer token");
    let key = &*format!("ak_{}", flight.secret("access key"));
    let other = &*flight.secret("token of another app");
    let both = (AppToken::new(7, token), AppToken::new(8, other));
    let hook = Secret::from(flight.secret("webhook secret"));
    flight.show(&hook);
    flight.show(&both.0);
    let text = FeishuMessage::text(&**message);
    flight.show(&text);
    let new_user = NewFeishuUser::new().username("carol").email(&**email).phone(&**phone);
    flight.show(&new_user);
    let feishu_user = FeishuUser::username("carol");
    flight.show(&feishu_user);
    let token_request = FeishuTokenRequest::new(FeishuUser::id(7));
    flight.show(&token_request);
    let plain = SyncUser::with_password("carol", flight.secret("password")).field("email", &**email);
    let hashed = SyncUser::with_password_hash("dave", flight.secret("password hash"));
    flight.show(&plain);
    flight.show(&hashed);
    let new_key = NewAccessKey::new().name("nightly").description("a job");
    flight.show(&new_key);
    let webhook: WebhookId = serde_json::from_value(json!(7)).unwrap();
    flight.show(&webhook);
    let users = [plain.clone(), hashed];
    let listing = client().users(Some("carol"));
    flight.show(&listing);
    let clients: Vec<AuthClient> = (0..20).map(|_| client()).collect();
    let c = &clients;
    tokio::join!(
        async {
            flight.outcome(c[0].user_info(token).await);
        },
        async {
            flight.outcome(c[1].access_key_user(key).await);
        },
        async {
            flight.outcome(c[2].verify_token(token).await);
        },
        async {
            flight.outcome(c[3].verify_access_key(key).await);
        },
        async {
            flight.outcome(c[4].check_permissions(token, ["report:read"]).await);
        },
        async {
            flight.outcome(c[5].batch_users(["carol"]).await);
        },
        async {
            flight.outcome(c[6].batch_users_by_ids([7]).await);
        },
        async {
            flight.outcome(c[7].list_users(Some("carol"), 1, 10).await);
        },
        async {
            flight.outcome(listing.take(3).try_collect::<Vec<_>>().await);
        },
        async {
            flight.outcome(c[8].list_groups().await);
        },
        async {
            flight.outcome(c[9].register_webhook("https://a.example/hook", ["user.updated"], &hook).await);
        },
        async {
            flight.outcome(c[10].unregister_webhook(&webhook).await);
        },
        async {
            flight.outcome(c[11].create_access_key(token, &new_key).await);
        },
        async {
            flight.outcome(c[12].compare_users(both.0, both.1).await);
        },
        async {
            flight.outcome(c[13].authorize_user_by_token(both.1).await);
        },
        async {
            flight.outcome(c[14].sync_user(&plain, HeaderMap::new()).await);
        },
        async {
            flight.outcome(c[15].sync_users(&users, HeaderMap::new()).await);
        },
        async {
            flight.outcome(c[16].send_feishu_message("cli", &feishu_user, &text).await);
        },
        async {
            flight.outcome(c[17].sync_feishu_user(&new_user).await.map(|_| ()));
        },
        async {
            flight.outcome(c[18].issue_feishu_user_token(&token_request).await);
        },
        async {
            flight.outcome(c[19].check().await);
        },
    );
}

/// A center that answers as it should: what it gives to be kept secret stays so.
async fn successes(flight: &Flight, secret: &str) {
    let answer = json!({
        "code": 0, "message": "",
        "data": {
            "key": format!("ak_{}", flight.secret("created access key")), "keyId": 3, "sameUser": true,
            "accessToken": flight.secret("Feishu token"), "refreshToken": flight.secret("refresh token"),
            "access_token": flight.secret("Feishu token"), "refresh_token": flight.secret("refresh token"),
            "id": 7, "userId": 7, "username": "carol", "nickname": flight.secret("nickname"),
            "email": flight.secret("e-mail"), "phone": flight.secret("phone"), "isAdmin": false,
            "homeAddress": flight.secret("address"), "message_id": "om_1", "valid": true, "keyType": "user",
            "results": { "report:read": true }, "webhookId": 7, "total": 1, "page": 1,
            "users": [{ "id": 7, "username": "carol", "email": flight.secret("e-mail"), "phone": flight.secret("phone") }],
            "items": [{ "id": 7, "username": "carol", "email": flight.secret("e-mail") }],
            "success": true, "expiresIn": 3600, "expires_in": 3600,
        },
    });
    let center = Canned::start(move |_, _| answer.clone()).await;
    let url = format!("http://{}", center.address);
    let client = AuthClient::builder("canary-app", secret, url).observer(flight.clone()).build().unwrap();
    Box::pin(every_call(flight, || client.clone(), &personal(flight))).await;
    flight.show(&client.snapshot());
}

fn personal(flight: &Flight) -> [String; 3] {
    ["e-mail", "phone", "message"].map(|name| flight.secret(name))
}
