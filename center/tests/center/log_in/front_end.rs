//! A front end and a browser.

use std::collections::HashMap;

use aigc_auth::UserInfo;
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::JwtVerifier;
use reqwest::Response;
use serde_json::Value;

use crate::support::Center;

/// RFC 7636, appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(super) const CALLBACK: &str = "http://127.0.0.1:3000/callback";

pub(super) type Parameters<'a> = Vec<(&'a str, &'a str)>;

/// What a good request to the authorization endpoint has.
pub(super) fn asked() -> Parameters<'static> {
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
pub(super) fn with<'a>(
    mut parameters: Parameters<'a>,
    name: &'a str,
    value: Option<&'a str>,
) -> Parameters<'a> {
    parameters.retain(|(known, _)| *known != name);
    parameters.extend(value.map(|value| (name, value)));
    parameters
}

pub(super) fn redeem(code: &str) -> Parameters<'_> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", "42"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub(super) fn encoded(parameters: &Parameters<'_>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

pub(super) fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// The parameters of a redirect to the app.
pub(super) fn answer(location: &str) -> HashMap<String, String> {
    let (uri, query) = location.split_once('?').unwrap();
    assert_eq!(uri, CALLBACK);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A browser, with its cookies.
pub(super) struct Browser<'a> {
    center: &'a Center,
    cookies: HashMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(center: &'a Center) -> Self {
        Self { center, cookies: HashMap::new() }
    }

    pub(super) async fn send(&mut self, request: reqwest::RequestBuilder) -> Response {
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

    pub(super) async fn authorize(&mut self, parameters: &Parameters<'_>) -> Response {
        let url = format!("{}/oauth/authorize?{}", self.center.url, encoded(parameters));
        self.send(self.center.http.get(url)).await
    }

    /// Sends the form of a page.
    pub(super) async fn submit(
        &mut self,
        page: &str,
        username: &str,
        password: &str,
        origin: &str,
    ) -> Response {
        let form = [("page", page), ("username", username), ("password", password)];
        let request = self.center.http.post(format!("{}/oauth/log-in", self.center.url)).form(&form);
        self.send(request.header("origin", origin)).await
    }

    /// Logs in. Returns the code.
    pub(super) async fn log_in(&mut self, username: &str, password: &str) -> String {
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
pub(super) async fn page_id(response: Response) -> String {
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

pub(super) async fn post(center: &Center, path: &str, parameters: &Parameters<'_>) -> (u16, Value) {
    let request = center.http.post(format!("{}{path}", center.url)).form(parameters);
    let response = request.header("origin", "http://localhost:3000").send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(response.headers()["access-control-allow-origin"], "http://localhost:3000");
    assert_eq!(response.headers()["cache-control"], "no-store");
    (status, response.json().await.unwrap_or_default())
}

/// Redeems a code, as a front end does.
pub(super) async fn tokens(center: &Center, code: &str) -> Value {
    let (status, tokens) = post(center, "/oauth/token", &redeem(code)).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

pub(super) async fn refresh(center: &Center, tokens: &Value) -> (u16, Value) {
    let token = tokens["refresh_token"].as_str().unwrap();
    let form = vec![("grant_type", "refresh_token"), ("client_id", "42"), ("refresh_token", token)];
    post(center, "/oauth/token", &form).await
}

pub(super) async fn verify(center: &Center, token: &Value) -> Result<UserInfo, ErrorKind> {
    let verifier = JwtVerifier::from_issuer(&*center.url)
        .audience("42")
        .typ("at+jwt")
        .subject_claim("user_id")
        .groups_claim("groups")
        .build()
        .unwrap();
    verifier.user_info(token.as_str().unwrap()).await.map_err(|error| error.kind())
}

pub(super) fn claims(token: &Value) -> Value {
    use base64::Engine;
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
