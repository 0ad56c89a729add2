//! Requests, the page, and the code that an app redeems.

use serde_json::{Value, json};

use super::front_end::{
    Browser, answer, asked, claims, location, page_id, post, redeem, refresh, tokens, verify, with,
};
use crate::support::Center;

#[tokio::test]
async fn front_end_logs_in_and_services_verify_by_discovery() {
    let center = Center::start("").await;
    let code = Browser::new(&center).log_in("alice", "").await;
    let tokens = tokens(&center, &code).await;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    let access = &tokens["access_token"];
    // By the key set, and by the center's own endpoints: the same user.
    let alice = verify(&center, access).await.unwrap();
    let by_center = center.client().user_info(access.as_str().unwrap()).await.unwrap();
    assert_eq!(alice.id(), by_center.id());
    assert!(alice.has_permission("report:read") && alice.has_role("editor") && alice.has_group("ops"));
    assert!(by_center.valid_until().is_some());
    assert!(
        verify(&center, &tokens["id_token"]).await.is_err(),
        "an ID token is for the app, not for services"
    );
    let claims = claims(&tokens["id_token"]);
    assert_eq!(
        (&claims["nonce"], &claims["aud"], &claims["sub"]),
        (&json!("the nonce"), &json!("42"), &json!("7"))
    );
    assert_eq!((&claims["iss"], &claims["email"]), (&json!(center.url), &json!("alice@example.com")));
    let asked =
        center.http.get(format!("{}/oauth/userinfo", center.url)).bearer_auth(access.as_str().unwrap());
    let userinfo: Value = asked.send().await.unwrap().json().await.unwrap();
    assert_eq!(userinfo["preferred_username"], "alice");
}

#[tokio::test]
async fn requests_of_no_app_lead_nowhere() {
    let center = Center::start("").await;
    let mut browser = Browser::new(&center);
    for (name, value) in [
        ("client_id", None),
        ("client_id", Some("43")),
        ("redirect_uri", None),
        ("redirect_uri", Some("http://127.0.0.1:3000/callback/")),
        ("redirect_uri", Some("http://127.0.0.1:3000/callback?x=1")),
        ("redirect_uri", Some("http://127.0.0.1:3001/callback")),
        ("redirect_uri", Some("http://evil.example/callback")),
    ] {
        let response = browser.authorize(&with(asked(), name, value)).await;
        assert_eq!(response.status(), 400, "{name} {value:?}");
        assert!(response.headers().get("location").is_none());
    }
    let mut twice = asked();
    twice.push(("redirect_uri", "http://evil.example/"));
    assert_eq!(browser.authorize(&twice).await.status(), 400);
    // Other errors are the app's to handle.
    for (name, value, error) in [
        ("response_type", Some("token"), "unsupported_response_type"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("prompt", Some("none"), "login_required"),
    ] {
        let response = browser.authorize(&with(asked(), name, value)).await;
        let answer = answer(&location(&response));
        assert_eq!((&*answer["error"], &*answer["state"]), (error, "the state & more"), "{name} {value:?}");
    }
}

#[tokio::test]
async fn log_in_page_is_for_its_browser_alone() {
    let center = Center::start("").await;
    let (mut own, mut other) = (Browser::new(&center), Browser::new(&center));
    let page = page_id(own.authorize(&asked()).await).await;
    page_id(other.authorize(&asked()).await).await;
    let url = center.url.clone();
    assert_eq!(other.submit(&page, "alice", "", &url).await.status(), 400, "another browser's");
    assert_eq!(
        own.submit(&page, "alice", "", "http://evil.example").await.status(),
        403,
        "another site's form"
    );
    for (username, password, status) in [
        ("bob", "", 401),
        ("bob", "wrong", 401),
        ("nobody", "", 401),
        ("carol", "", 401),
        ("bob", "correct horse", 303),
        ("alice", "", 400),
    ] {
        let response = own.submit(&page, username, password, &url).await;
        assert_eq!(response.status(), status, "{username} {password}");
    }
    let page = page_id(other.authorize(&asked()).await).await;
    for attempt in 0..6 {
        let response = other.submit(&page, "bob", "wrong", &url).await;
        assert_eq!(response.status(), if attempt < 5 { 401 } else { 400 }, "guesses are counted");
    }
}

#[tokio::test]
async fn code_is_good_for_one_attempt_of_its_app() {
    let center = Center::start("").await;
    for (name, value, error) in [
        ("code_verifier", Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"), "invalid_grant"),
        ("code_verifier", None, "invalid_grant"),
        ("redirect_uri", Some("http://localhost:3000/callback?from=center"), "invalid_grant"),
        ("redirect_uri", None, "invalid_grant"),
        ("client_id", Some("9"), "invalid_grant"),
        ("client_id", Some("43"), "invalid_client"),
        ("client_secret", Some("wrong"), "invalid_client"),
        ("grant_type", Some("password"), "unsupported_grant_type"),
    ] {
        let code = Browser::new(&center).log_in("alice", "").await;
        let (status, answer) = post(&center, "/oauth/token", &with(redeem(&code), name, value)).await;
        assert_eq!(answer["error"], error, "{name} {value:?}: {answer}");
        assert_eq!(status, if error == "invalid_client" { 401 } else { 400 });
        if error == "invalid_grant" {
            let (_, answer) = post(&center, "/oauth/token", &redeem(&code)).await;
            assert_eq!(answer["error"], "invalid_grant", "one attempt: {name} {value:?}");
        }
    }
    assert_eq!(post(&center, "/oauth/token", &redeem("unknown")).await.1["error"], "invalid_grant");

    // A code that comes again may have been stolen, and ends what it has brought.
    let code = Browser::new(&center).log_in("alice", "").await;
    let secret = with(redeem(&code), "client_secret", Some("test-secret"));
    let (status, first) = post(&center, "/oauth/token", &secret).await;
    assert_eq!(status, 200);
    let access = first["access_token"].as_str().unwrap();
    assert!(center.client().user_info(access).await.is_ok());
    assert_eq!(post(&center, "/oauth/token", &redeem(&code)).await.1["error"], "invalid_grant");
    assert!(center.client().user_info(access).await.is_err());
    assert_eq!(refresh(&center, &first).await.0, 400);
}

#[tokio::test]
async fn app_may_ask_for_another_log_in() {
    let center = Center::start("").await;
    let mut browser = Browser::new(&center);
    browser.log_in("alice", "").await;
    for (name, value, expected) in [
        ("prompt", "login", ""),
        ("prompt", "select_account", ""),
        ("prompt", "consent", "code"),
        ("prompt", "none", "code"),
        ("prompt", "none login", "invalid_request"),
        ("max_age", "0", ""),
        ("max_age", "3600", "code"),
        ("max_age", "soon", "invalid_request"),
        ("response_mode", "query", "code"),
        ("response_mode", "fragment", "invalid_request"),
        ("request", "e30", "request_not_supported"),
        ("request_uri", "urn:x", "request_uri_not_supported"),
        ("code_challenge", "!2345678901234567890123456789012345678901234", "invalid_request"),
    ] {
        let response = browser.authorize(&with(asked(), name, Some(value))).await;
        if expected.is_empty() {
            assert_eq!(response.status(), 200, "{name}={value}: a page");
            continue;
        }
        let answer = answer(&location(&response));
        let found = answer.get("error").map_or("code", |error| error);
        assert_eq!(found, expected, "{name}={value}: {answer:?}");
    }
}

#[tokio::test]
async fn malformed_forms_are_answered_by_a_page() {
    let center = Center::start("").await;
    for (method, path, body, status) in
        [("POST", "/oauth/log-in", "page=x", 422), ("GET", "/oauth/end-session?state=a&state=b", "", 400)]
    {
        let request = center.http.request(method.parse().unwrap(), format!("{}{path}", center.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert!(response.text().await.unwrap().contains("<h1>This does not work</h1>"), "{path}");
    }
}
