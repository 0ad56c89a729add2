//! The page: files as they are written, in the binary.

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::language::Language;

/// Scripts and styles of its own alone, and no text that becomes HTML: names of users are input.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

#[derive(Clone, Copy)]
struct File {
    name: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(File { name: concat!("/", $name), text: include_str!(concat!("../../console/", $name)) }),*]
    };
}

static FILES: [File; 36] = files![
    "app.js",
    "base.css",
    "calls.js",
    "chart.js",
    "copy.js",
    "credentials.js",
    "deliveries.js",
    "dialog.js",
    "dom.js",
    "fault_names.js",
    "faults.js",
    "format.js",
    "groups.js",
    "icon.svg",
    "marks.js",
    "overview.js",
    "parts.css",
    "prefs.js",
    "ring.js",
    "services.js",
    "session.js",
    "sign_in.js",
    "state.js",
    "stream.js",
    "table.js",
    "theme.js",
    "timeline.css",
    "timeline.js",
    "toast.js",
    "usage.js",
    "usage_view.js",
    "user_form.js",
    "users.js",
    "words.js",
    "words_en.js",
    "words_zh.js",
];

/// Returns the routes of the page, which have nothing secret.
pub(super) fn routes() -> Router {
    FILES.iter().fold(Router::new().route("/", get(index)), |router, file| {
        router.route(file.name, get(serve).with_state(*file))
    })
}

/// The page, in the language that the browser prefers.
async fn index(headers: HeaderMap) -> Response {
    let lang = Language::of(&headers).tag();
    let html = include_str!("../../console/index.html").replace("lang=\"en\"", &format!("lang=\"{lang}\""));
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CONTENT_LANGUAGE, lang),
        (VARY, "Accept-Language"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    (headers, Html(html)).into_response()
}

async fn serve(State(File { name, text }): State<File>) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "image/svg+xml",
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // Files of one run belong together: the next run may be another version.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/console")).unwrap();
        let names = folder.map(|file| format!("/{}", file.unwrap().file_name().to_str().unwrap()));
        let names: BTreeSet<_> = names.filter(|name| name != "/index.html").collect();
        let served: BTreeSet<_> = FILES.iter().map(|file| file.name.to_owned()).collect();
        assert_eq!(served, names);
    }

    #[test]
    fn both_languages_have_every_text() {
        let keys = |text: &str| -> BTreeSet<String> {
            let mut keys = BTreeSet::new();
            // `key: "text"` and `"key": "text"`, several a line.
            for part in text.split("\",").flat_map(|part| part.split('\n')) {
                let Some((key, _)) = part.split_once(": \"") else { continue };
                keys.insert(key.trim().trim_matches('"').to_owned());
            }
            keys
        };
        let of = |name| keys(FILES.iter().find(|file| file.name == name).unwrap().text);
        let (english, chinese) = (of("/words_en.js"), of("/words_zh.js"));
        assert!(english.len() > 150, "{}", english.len());
        assert_eq!(english, chinese);
    }
}
