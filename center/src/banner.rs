//! What is printed at the start: all that a service, a browser or a developer needs.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::SocketAddr;

use aigc_auth::testing::SeenState;

use crate::hub::Hub;
use crate::random;

/// How many tokens and keys are printed.
const SOME: usize = 10;

pub(crate) fn text(
    hub: &Hub,
    address: SocketAddr,
    url: &str,
    console: SocketAddr,
    console_token: &str,
) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    line(&format!("listening on http://{address}"));
    let console = format!("http://{console}/#token={console_token}");
    line(&format!("console: {console}"));
    line("");
    line("# .env of a service:");
    let app = hub.first_app();
    line(&format!("AIGC_AUTH_BASE_URL={url}/aigc-auth"));
    line(&format!("AIGC_AUTH_APP_ID={}", quoted(&app.id)));
    line(&format!("AIGC_AUTH_APP_SECRET={}", quoted(&app.secret)));
    // A service tells it to the center when it subscribes: a suggestion, of which the center remembers nothing.
    line(&format!("AIGC_AUTH_WEBHOOK_SECRET={}", quoted(&random::webhook_secret())));
    // For whoever reads what the service prints.
    line(&format!("AIGC_AUTH_CONSOLE_URL={}", quoted(&console)));
    line("");
    for further in hub.apps().iter().skip(1) {
        line(&format!("# another app: {} with the secret {}", further.id, further.secret));
    }
    line(&format!("# log-in: the issuer is {url}, the client id is that of an app"));
    line("# tokens and access keys of users:");
    line(credentials(hub).trim_end());
    text
}

/// Quotes a value where `.env` files and shells need that.
fn quoted(value: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    if value.bytes().all(is_plain) {
        return value.into();
    }
    if !value.contains('\'') {
        return format!("'{value}'").into();
    }
    let mut quoted = String::from("\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted.into()
}

fn credentials(hub: &Hub) -> String {
    let mut text = String::new();
    let tables = hub.center().changed_tables(&mut SeenState::default());
    for name in ["tokens", "access_keys"] {
        let rows = tables.iter().filter(|table| table.name == name).flat_map(|table| &table.rows);
        let mut rows: Vec<_> =
            rows.map(|(key, value)| (value["username"].as_str().unwrap_or("-"), key)).collect();
        rows.sort_unstable();
        for (username, credential) in rows.iter().take(SOME) {
            let _ = writeln!(text, "{username:<12} {credential}");
        }
        if rows.len() > SOME {
            let _ = writeln!(text, "# and {} more", rows.len() - SOME);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_env_files_need_it() {
        for (value, expected) in [
            ("icU249PMe_-x.y:z/", "icU249PMe_-x.y:z/"),
            ("whsec_a+b/c==", "whsec_a+b/c=="),
            ("a secret", "'a secret'"),
            ("http://127.0.0.1:8601/#token=x", "'http://127.0.0.1:8601/#token=x'"),
            ("$HOME \"x\"", "'$HOME \"x\"'"),
            ("it's $5", "\"it's \\$5\""),
        ] {
            assert_eq!(quoted(value), expected);
        }
    }
}
