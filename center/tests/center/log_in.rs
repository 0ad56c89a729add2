//! The log-in, as a front end and a browser use it.

use std::collections::HashMap;

use aigc_auth::UserInfo;
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::JwtVerifier;
use reqwest::Response;
use serde_json::{Value, json};
use test_support::until_async;

use crate::support::Center;

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "http://127.0.0.1:3000/callback";

type Parameters<'a> = Vec<(&'a str, &'a str)>;

/// What a good request to the authorization endpoint has.
fn asked() -> Parameters<'static> {
    vec![
        ("response_type", "code"),
        ("client_id", "42"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile offline_access"),
        ("state", "the state & more"),
        ("nonce", "the nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

/// The same with another value; none of the name without one.
fn with<'a>(mut parameters: Parameters<'a>, name: &'a str, value: Option<&'a str>) -> Parameters<'a> {
    parameters.retain(|(known, _)| *known != name);
    parameters.extend(value.map(|value| (name, value)));
    parameters
}

fn redeem(code: &str) -> Parameters<'_> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", "42"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn encoded(parameters: &Parameters<'_>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// The parameters of a redirect to the app.
fn answer(location: &str) -> HashMap<String, String> {
    let (uri, query) = location.split_once('?').unwrap();
    assert_eq!(uri, CALLBACK);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A browser, with its cookies.
struct Browser<'a> {
    center: &'a Center,
    cookies: HashMap<String, String>,
}

impl<'a> Browser<'a> {
    fn new(center: &'a Center) -> Self {
        Self { center, cookies: HashMap::new() }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Response {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }

    async fn authorize(&mut self, parameters: &Parameters<'_>) -> Response {
        let url = format!("{}/oauth/authorize?{}", self.center.url, encoded(parameters));
        self.send(self.center.http.get(url)).await
    }

    /// Sends the form of a page.
    async fn submit(&mut self, page: &str, username: &str, password: &str, origin: &str) -> Response {
        let form = [("page", page), ("username", username), ("password", password)];
        let request = self.center.http.post(format!("{}/oauth/log-in", self.center.url)).form(&form);
        self.send(request.header("origin", origin)).await
    }

    /// Logs in. Returns the code.
    async fn log_in(&mut self, username: &str, password: &str) -> String {
        let page = page_id(self.authorize(&asked()).await).await;
        let origin = self.center.url.clone();
        let response = self.submit(&page, username, password, &origin).await;
        assert_eq!(response.status(), 303);
        let answer = answer(&location(&response));
        assert_eq!((&*answer["state"], &answer["iss"]), ("the state & more", &self.center.url));
        answer["code"].clone()
    }
}

/// The id in the form of a log-in page.
async fn page_id(response: Response) -> String {
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' \
         http://127.0.0.1:3000"
    );
    let text = response.text().await.unwrap();
    assert!(!text.contains("<script") && !text.contains("style="), "{text}");
    assert!(text.contains("Orders &lt;&amp;&gt;") && !text.contains("carol"), "{text}");
    text.split("name=\"page\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn post(center: &Center, path: &str, parameters: &Parameters<'_>) -> (u16, Value) {
    let request = center.http.post(format!("{}{path}", center.url)).form(parameters);
    let response = request.header("origin", "http://localhost:3000").send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(response.headers()["access-control-allow-origin"], "http://localhost:3000");
    assert_eq!(response.headers()["cache-control"], "no-store");
    (status, response.json().await.unwrap_or_default())
}

/// Redeems a code, as a front end does.
async fn tokens(center: &Center, code: &str) -> Value {
    let (status, tokens) = post(center, "/oauth/token", &redeem(code)).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

async fn verify(center: &Center, token: &Value) -> Result<UserInfo, ErrorKind> {
    let verifier = JwtVerifier::from_issuer(&*center.url)
        .audience("42")
        .typ("at+jwt")
        .subject_claim("user_id")
        .groups_claim("groups")
        .build()
        .unwrap();
    verifier.user_info(token.as_str().unwrap()).await.map_err(|error| error.kind())
}

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

fn claims(token: &Value) -> Value {
    use base64::Engine;
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
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

async fn refresh(center: &Center, tokens: &Value) -> (u16, Value) {
    let token = tokens["refresh_token"].as_str().unwrap();
    let form = vec![("grant_type", "refresh_token"), ("client_id", "42"), ("refresh_token", token)];
    post(center, "/oauth/token", &form).await
}

#[tokio::test]
async fn refresh_token_is_another_after_each_use() {
    let center = Center::start("--access-token-ttl 1").await;
    let code = Browser::new(&center).log_in("alice", "").await;
    let first = tokens(&center, &code).await;
    let access = first["access_token"].as_str().unwrap();
    let expired = async || center.client().user_info(access).await.is_err();
    until_async("a token ends", expired).await;
    let (status, second) = refresh(&center, &first).await;
    assert_eq!(status, 200);
    assert!(center.client().user_info(second["access_token"].as_str().unwrap()).await.is_ok());
    assert!(second["id_token"].is_string() && claims(&second["id_token"]).get("nonce").is_none());
    // An old one may have been stolen: neither goes on.
    assert_eq!(refresh(&center, &first).await.1["error"], "invalid_grant");
    assert_eq!(refresh(&center, &second).await.1["error"], "invalid_grant");

    // Changes of the user are in the next tokens; a disabled user gets none.
    let code = Browser::new(&center).log_in("bob", "correct horse").await;
    let first = tokens(&center, &code).await;
    center.change("PATCH", "/api/users/bob", json!({"permissions": ["a:b"]})).await;
    let (_, second) = refresh(&center, &first).await;
    assert_eq!(claims(&second["access_token"])["permissions"], json!(["a:b"]));
    center.change("PATCH", "/api/users/bob", json!({"status": "disabled"})).await;
    assert_eq!(refresh(&center, &second).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn grant_has_a_number_of_access_tokens_at_a_time() {
    let center = Center::start("").await;
    let mut last = tokens(&center, &Browser::new(&center).log_in("alice", "").await).await;
    let first = last["access_token"].clone();
    for _ in 0..20 {
        last = refresh(&center, &last).await.1;
    }
    assert!(center.client().user_info(first.as_str().unwrap()).await.is_err());
    assert!(center.client().user_info(last["access_token"].as_str().unwrap()).await.is_ok());
}

#[tokio::test]
async fn sign_out_ends_the_session_and_its_tokens() {
    let center = Center::start("").await;
    let mut browser = Browser::new(&center);
    let code = browser.log_in("alice", "").await;
    let tokens = tokens(&center, &code).await;
    // The browser is logged in: the next app asks nobody.
    let silent = with(asked(), "prompt", Some("none"));
    assert!(answer(&location(&browser.authorize(&silent).await)).contains_key("code"));
    let again = browser.authorize(&with(asked(), "prompt", Some("login"))).await;
    assert_eq!(again.status(), 200, "asked again");

    let hint = tokens["id_token"].as_str().unwrap();
    let out = |hint: &str, uri: &str| {
        let query =
            encoded(&vec![("id_token_hint", hint), ("post_logout_redirect_uri", uri), ("state", "bye")]);
        center.http.get(format!("{}/oauth/end-session?{query}", center.url))
    };
    // No token, no end: a link of any page may lead here.
    let response = browser.send(out("no.token.x", "http://127.0.0.1:3000/bye")).await;
    assert_eq!(response.status(), 200);
    assert!(center.client().user_info(tokens["access_token"].as_str().unwrap()).await.is_ok());
    let response = browser.send(out(hint, "http://127.0.0.1:3000/bye")).await;
    assert_eq!(location(&response), "http://127.0.0.1:3000/bye?state=bye");
    assert!(center.client().user_info(tokens["access_token"].as_str().unwrap()).await.is_err());
    assert_eq!(refresh(&center, &tokens).await.1["error"], "invalid_grant");
    assert_eq!(answer(&location(&browser.authorize(&silent).await))["error"], "login_required");
    let response = browser.send(out(hint, "http://evil.example/")).await;
    assert_eq!(response.status(), 200, "leads nowhere");

    // By the page's own form; and not by another site's.
    browser.log_in("alice", "").await;
    let url = format!("{}/oauth/end-session", center.url);
    let form = |origin: &str| {
        center.http.post(&url).form(&[] as &[(&str, &str)]).header("origin", origin.to_owned())
    };
    assert_eq!(browser.send(form("http://evil.example")).await.status(), 403);
    assert!(answer(&location(&browser.authorize(&silent).await)).contains_key("code"));
    assert_eq!(browser.send(form(&center.url)).await.status(), 200);
    assert_eq!(answer(&location(&browser.authorize(&silent).await))["error"], "login_required");
}

#[tokio::test]
async fn revoked_tokens_are_dead() {
    let center = Center::start("").await;
    for (kind, survives) in [("access_token", true), ("refresh_token", false)] {
        let code = Browser::new(&center).log_in("alice", "").await;
        let tokens = tokens(&center, &code).await;
        let form = vec![("client_id", "42"), ("token", tokens[kind].as_str().unwrap())];
        assert_eq!(post(&center, "/oauth/revoke", &form).await.0, 200);
        assert!(center.client().user_info(tokens["access_token"].as_str().unwrap()).await.is_err(), "{kind}");
        assert_eq!(refresh(&center, &tokens).await.0 == 200, survives, "{kind}");
    }
    assert_eq!(post(&center, "/oauth/revoke", &vec![("client_id", "42"), ("token", "unknown")]).await.0, 200);
    assert_eq!(post(&center, "/oauth/revoke", &vec![("token", "unknown")]).await.0, 401);
}

/// A restart keeps the key: services go on with the tokens that they have seen.
#[cfg(unix)]
#[tokio::test]
async fn log_ins_survive_with_the_state_file() {
    let kept = test_support::process::Directory::new("kept");
    let state = format!("--state {} --url http://localhost:1", kept.0.join("state").display());
    let center = Center::start(&state).await;
    let keys = async |center: &Center| -> Value {
        center.http.get(format!("{}/oauth/jwks", center.url)).send().await.unwrap().json().await.unwrap()
    };
    let before = keys(&center).await;
    center.example.signal("TERM");
    assert!(center.example.ended().await.1.success());
    let center = Center::start(&state).await;
    assert_eq!(keys(&center).await, before);
    let metadata =
        center.http.get(format!("{}/.well-known/openid-configuration", center.url)).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["token_endpoint"], "http://localhost:1/oauth/token");
    let rebound =
        center.http.get(format!("{}/oauth/jwks", center.url)).header("host", "evil.example").send().await;
    assert_eq!(rebound.unwrap().status(), 421);
}

/// Whoever was disabled logs in again, and an access token is in the hands of services.
#[tokio::test]
async fn sessions_do_not_come_back() {
    let center = Center::start("").await;
    let mut browser = Browser::new(&center);
    let tokens = tokens(&center, &browser.log_in("alice", "").await).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let url = format!("{}/oauth/end-session?id_token_hint={access_token}", center.url);
    let asks = center.http.get(url).send().await.unwrap();
    assert!(asks.text().await.unwrap().contains("Sign out of this center?"));
    assert!(center.client().user_info(access_token).await.is_ok(), "the session goes on");
    for status in ["disabled", "active"] {
        center.change("PATCH", "/api/users/alice", json!({ "status": status })).await;
    }
    assert!(center.client().user_info(access_token).await.is_err());
    let userinfo = center.http.get(format!("{}/oauth/userinfo", center.url)).bearer_auth(access_token);
    assert_eq!(userinfo.send().await.unwrap().status(), 401);
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
