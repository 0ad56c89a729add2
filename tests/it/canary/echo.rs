//! A server that sends back whatever it gets.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::{AuthClient, AuthClientBuilder};
use axum::Router;
use axum::body::{Body, Bytes};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, Response, Uri};
use serde_json::json;

use crate::support::{App, serve};

/// How it sends it back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    /// In the message and the data of an error with this code.
    Code(i64, Spelling),
    /// In a page with this status.
    Page(u16),
    /// In a header, with this status.
    Header(HeaderNameOf, u16),
    /// In place of JSON.
    NotJson,
    /// In place of an object.
    WrongShape,
    /// As the value of each field that the crate may look for.
    WrongTypes,
    /// Never.
    Hang,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum HeaderNameOf {
    Location,
    Challenge,
    RetryAfter,
    ContentType,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Spelling {
    Plain,
    Json,
    Percent,
    Base64,
    Base64Url,
    Hex,
    /// Base64 of all of it at once.
    AllBase64,
    AllHex,
}

pub(super) const MODES: [Mode; 26] = [
    Mode::Code(400, Spelling::Plain),
    Mode::Code(401, Spelling::Plain),
    Mode::Code(403, Spelling::Plain),
    Mode::Code(404, Spelling::Plain),
    Mode::Code(500, Spelling::Plain),
    Mode::Code(401, Spelling::Json),
    Mode::Code(401, Spelling::Percent),
    Mode::Code(401, Spelling::Base64),
    Mode::Code(401, Spelling::Base64Url),
    Mode::Code(401, Spelling::Hex),
    Mode::Code(401, Spelling::AllBase64),
    Mode::Code(401, Spelling::AllHex),
    Mode::Page(200),
    Mode::Page(400),
    Mode::Page(401),
    Mode::Page(404),
    Mode::Page(502),
    Mode::Header(HeaderNameOf::Location, 302),
    Mode::Header(HeaderNameOf::Location, 308),
    Mode::Header(HeaderNameOf::Challenge, 401),
    Mode::Header(HeaderNameOf::RetryAfter, 429),
    Mode::Header(HeaderNameOf::ContentType, 200),
    Mode::NotJson,
    Mode::WrongShape,
    Mode::WrongTypes,
    Mode::Hang,
];

pub(super) struct Echo {
    app: App,
    mode: Arc<Mutex<Mode>>,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Echo {
    pub(super) async fn start() -> Self {
        let mode = Arc::new(Mutex::new(Mode::NotJson));
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let (says, journal) = (mode.clone(), heard.clone());
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let mode = *says.lock().unwrap();
            let parts = parts(&uri, &headers, &body);
            let mut journal = journal.lock().unwrap();
            parts.iter().for_each(|part| journal.extend_from_slice(format!("{part}\n").as_bytes()));
            async move {
                if mode == Mode::Hang {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
                answer(mode, &parts)
            }
        });
        Self { app: serve(router).await, mode, heard }
    }

    pub(super) fn say(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.app.address)
    }

    /// What it was sent.
    pub(super) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn client(&self, app_secret: &str) -> AuthClientBuilder {
        let builder = AuthClient::builder("canary-app", app_secret, self.url());
        builder.timeout(Duration::from_millis(250))
    }
}

/// The values of all headers, the target, and the body.
fn parts(uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Vec<String> {
    let values = headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    values.chain([uri.to_string(), String::from_utf8_lossy(body).into_owned()]).collect()
}

fn spelled(text: &str, spelling: Spelling) -> String {
    match spelling {
        Spelling::Plain | Spelling::AllBase64 | Spelling::AllHex => text.to_owned(),
        Spelling::Json => text.encode_utf16().fold(String::new(), |mut all, unit| {
            let _ = write!(all, "\\u{unit:04x}");
            all
        }),
        Spelling::Percent => text.bytes().fold(String::new(), |mut all, byte| {
            let _ = write!(all, "%{byte:02X}");
            all
        }),
        Spelling::Base64 => STANDARD.encode(text),
        Spelling::Base64Url => URL_SAFE_NO_PAD.encode(text),
        Spelling::Hex => hex(text),
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(mode: Mode, parts: &[String]) -> Response<Body> {
    let all = parts.join(" ");
    let json = |body: String| {
        Response::builder().header(CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()
    };
    match mode {
        Mode::Code(code, spelling) => {
            let words = parts.iter().flat_map(|part| part.split([' ', '"']));
            let words: Vec<_> =
                words.filter(|word| word.len() > 9).map(|word| spelled(word, spelling)).collect();
            let message = match spelling {
                Spelling::AllBase64 => STANDARD.encode(&all),
                Spelling::AllHex => hex(&all),
                _ => words.join(" "),
            };
            json(json!({ "code": code, "message": message, "data": { "heard": words } }).to_string())
        }
        Mode::Page(status) => {
            let page = format!("<html><title>{all}</title>{all}</html>");
            let response = Response::builder().status(status).header(CONTENT_TYPE, "text/html");
            response.body(Body::from(page)).unwrap()
        }
        Mode::Header(name, status) => {
            let value: String = all.chars().filter(char::is_ascii_graphic).collect();
            let (name, value): (HeaderName, _) = match name {
                HeaderNameOf::Location => (LOCATION, format!("/elsewhere?{value}")),
                HeaderNameOf::Challenge => (WWW_AUTHENTICATE, format!("Bearer error=\"{value}\"")),
                HeaderNameOf::RetryAfter => (RETRY_AFTER, value),
                HeaderNameOf::ContentType => (CONTENT_TYPE, value),
            };
            Response::builder().status(status).header(name, value).body(Body::empty()).unwrap()
        }
        Mode::NotJson => json(format!("{{\"code\": 0, \"data\": {all}")),
        Mode::WrongShape => json(json!({ "code": 0, "message": all, "data": all }).to_string()),
        Mode::WrongTypes => {
            let names = [
                "id",
                "userId",
                "valid",
                "results",
                "webhookId",
                "items",
                "users",
                "total",
                "keyId",
                "sameUser",
                "message_id",
                "accessToken",
                "success",
                "active",
                "keys",
                "isAdmin",
                "permissions",
                "roles",
                "expiresAt",
                "exp",
                "aud",
                "groups",
                "status",
                "created",
                "instanceId",
                "config",
            ];
            let data: serde_json::Map<_, _> =
                names.into_iter().map(|name| (name.to_owned(), json!({ all.as_str(): [all] }))).collect();
            json(json!({ "code": 0, "message": "", "data": data }).to_string())
        }
        Mode::Hang => Response::new(Body::empty()),
    }
}
