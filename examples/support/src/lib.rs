//! What every example needs and none is about: the auth center to use, the address to listen on, the events, and how to end.

use std::net::SocketAddr;

use aigc_auth::error::BuildError;
use aigc_auth::testing::AuthCenter;
use aigc_auth::{AuthClient, AuthClientBuilder};
use tokio::net::TcpListener;

#[cfg(feature = "issuer")]
mod issuer;
#[cfg(feature = "webhook")]
mod subscribe;

#[cfg(feature = "issuer")]
pub use issuer::Issuer;
#[cfg(feature = "webhook")]
pub use subscribe::subscribe;

/// Logs to standard error what `RUST_LOG` says, `info` by default.
#[cfg(feature = "logging")]
pub fn start_logging() {
    use tracing_subscriber::EnvFilter;

    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Builds the client of the auth center in the environment; without any `AIGC_AUTH_*`, of one in this process, which
/// `set_up` fills with users. Such a center runs until it is dropped.
///
/// # Errors
///
/// Some settings are there, but not all, or one of them is wrong.
pub async fn connect(
    set_up: impl FnOnce(&AuthCenter),
) -> Result<(AuthClient, Option<AuthCenter>), BuildError> {
    connect_with(set_up, |client| client).await
}

/// As [`connect`], with further settings of the client.
///
/// # Errors
///
/// As [`connect`].
pub async fn connect_with(
    set_up: impl FnOnce(&AuthCenter),
    configure: impl FnOnce(AuthClientBuilder) -> AuthClientBuilder,
) -> Result<(AuthClient, Option<AuthCenter>), BuildError> {
    // If not everything is set, the error of the client says what is missing.
    if is_set(&["AIGC_AUTH_APP_ID", "AIGC_AUTH_APP_SECRET", "AIGC_AUTH_BASE_URL"]) {
        return Ok((configure(AuthClientBuilder::from_env()?).build()?, None));
    }
    let center = AuthCenter::start().await;
    set_up(&center);
    let client = AuthClient::builder(center.app_id(), center.app_secret(), center.url());
    Ok((configure(client).build()?, Some(center)))
}

/// Whether any of these is set, in the environment or in `.env`. A line there that cannot be read may set any: the crate, which reads
/// the file as well, says what is wrong with it.
pub fn is_set(names: &[&str]) -> bool {
    names.iter().any(|name| variable(name).is_some()) || lines_of_file().iter().any(Result::is_err)
}

/// The value of a variable of the environment, or else of `.env` in the working directory; `None` if it is not set or empty.
pub fn variable(name: &str) -> Option<String> {
    let given = std::env::var(name).ok().filter(|value| !value.is_empty());
    given.or_else(|| {
        let mut lines = lines_of_file().into_iter().flatten();
        lines.find(|(of_file, value)| of_file == name && !value.is_empty()).map(|(_, value)| value)
    })
}

fn lines_of_file() -> Vec<dotenvy::Result<(String, String)>> {
    let file = std::fs::read_to_string(".env").unwrap_or_default();
    dotenvy::from_read_iter(file.trim_start_matches('\u{feff}').as_bytes()).collect()
}

/// Listens on `BIND`, `127.0.0.1:3000` by default, and prints the address.
///
/// # Errors
///
/// `BIND` is no address, or one that is in use.
pub async fn listen() -> Result<(TcpListener, SocketAddr), String> {
    let bind = variable("BIND").unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let failed = |error: std::io::Error| format!("BIND={bind}: {error}");
    let listener = TcpListener::bind(&bind).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    println!("listening on http://{address}");
    Ok((listener, address))
}

/// Waits for Ctrl-C or, on Unix, SIGTERM. Both are caught from the call on, so that a request in progress is not cut off.
///
/// # Panics
///
/// On Unix, where the system installs no signal handler.
pub fn shutdown_signal() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        [SignalKind::interrupt(), SignalKind::terminate()]
            .map(|kind| signal(kind).expect("a signal handler can be installed"))
    };
    async move {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
