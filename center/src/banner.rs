//! What is printed at the start: all that a service, a browser or a developer needs.

use std::fmt::Write;
use std::net::SocketAddr;

use aigc_auth::testing::SeenState;

use crate::hub::Hub;

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
    line(&format!("console: http://{console}/#token={console_token}"));
    line("");
    line("# .env of a service:");
    let app = hub.first_app();
    line(&format!("AIGC_AUTH_BASE_URL={url}/aigc-auth"));
    line(&format!("AIGC_AUTH_APP_ID={}", app.id));
    line(&format!("AIGC_AUTH_APP_SECRET={}", app.secret));
    line("");
    for further in hub.apps().iter().skip(1) {
        line(&format!("# another app: {} with the secret {}", further.id, further.secret));
    }
    line(&format!("# log-in: the issuer is {url}, the client id is that of an app"));
    line("# tokens and access keys of users:");
    line(credentials(hub).trim_end());
    text
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
