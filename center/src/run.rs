use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aigc_auth::testing::AuthCenter;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::address::{check_url, reachable};
use crate::args::Args;
use crate::banner;
use crate::console::{self, Console};
use crate::host::Hosts;
use crate::hub::{Events, Hub, Saves};
use crate::keeper::keep;
use crate::log_in::{self, Door, LogIns};
use crate::random;
use crate::seed;
use crate::store;
use crate::terminal::{complain, print};

/// How long requests and webhooks on their way may take after a signal.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the center until a signal.
///
/// # Errors
/// If it does not start, or its state file is not up to date in the end.
pub(crate) async fn run(args: Args) -> Result<(), String> {
    args.check_bind()?;
    args.url.as_deref().map(check_url).transpose()?;
    let seed = args.seed.as_deref().map(seed::read).transpose()?;
    let (mut store, is_new) = match &args.state {
        Some(path) => {
            let (store, is_new) = store::open(path).await?;
            (Some(store), is_new)
        }
        None => (None, true),
    };
    // From here on signals are caught: before an address is printed, which others wait for.
    let signal = shutdown_signal()?;

    let events = Arc::new(Events::default());
    let saves = Arc::new(Saves::default());
    let door = Door::default();
    let address = SocketAddr::new(args.bind, args.port);
    let center = start(&args, address, &door, &events, &saves).await?;
    let address = center.address();
    let url = args.url.clone().unwrap_or_else(|| format!("http://{}", reachable(address)));
    let url = url.trim_end_matches('/').to_owned();
    let log_ins = LogIns::new(url.clone(), args.access_token_ttl());
    let hub = Hub::new(center, Arc::clone(&events), Arc::clone(&saves), log_ins);
    if is_new {
        seed::apply(seed.unwrap_or_else(seed::three_users), &hub);
    } else if let Some(store) = &mut store {
        if seed.is_some() {
            complain("the state file is not new, so that --seed is not applied");
        }
        let (rows, usage) = store.read().await?;
        for row in rows {
            let restored = hub.restore(&row.table, &row.key, row.value);
            restored.map_err(|error| store.unreadable(&format!("a row of {}", row.table), &error))?;
        }
        for record in usage {
            hub.center().restore_usage(record);
        }
        if hub.apps().is_empty() {
            return Err(store.unreadable("the table of apps", "it is empty"));
        }
    }
    if store.is_some() {
        saves.keep();
    }
    let hub = Arc::new(hub);
    door.open(Arc::clone(&hub), Hosts::of(address, args.url.as_deref()));

    let console_address = SocketAddr::new(args.bind, args.console_port());
    let listener = TcpListener::bind(console_address)
        .await
        .map_err(|error| in_use(console_address, "--console-port", &error))?;
    let console_address = listener.local_addr().map_err(|error| error.to_string())?;
    let (stop, stopped) = watch::channel(false);
    let (stop_keeper, keeper_stopped) = watch::channel(false);
    let console = Console::new(Arc::clone(&hub), random::text(), url.clone(), stopped.clone());
    let token = console.token().to_owned();
    let routes = console::routes(console, Hosts::of(console_address, None));
    let mut console_stopped = stopped;
    let console = tokio::spawn(async move {
        let stopped = async move {
            let _ = console_stopped.wait_for(|stopped| *stopped).await;
        };
        axum::serve(listener, routes).with_graceful_shutdown(stopped).await
    });
    let keeper = tokio::spawn(keep(Arc::clone(&hub), store, keeper_stopped));

    hub.center().resume();
    print(&banner::text(&hub, address, &url, reachable(console_address), &token));
    signal.await;

    complain("stopping");
    hub.center().drain(DRAIN).await;
    hub.finish(DRAIN).await;
    stop.send_replace(true);
    let _ = tokio::time::timeout(DRAIN, console).await;
    // After all that changes something.
    stop_keeper.send_replace(true);
    // Its last act is to save; SQLite itself waits no longer than its busy timeout.
    keeper.await.map_err(|error| error.to_string())??;
    print("stopped\n");
    Ok(())
}

async fn start(
    args: &Args,
    address: SocketAddr,
    door: &Door,
    events: &Arc<Events>,
    saves: &Arc<Saves>,
) -> Result<AuthCenter, String> {
    let (calls, saves) = (Arc::clone(events), Arc::clone(saves));
    let center = AuthCenter::builder()
        // No app of its own: those of the seed or of the state file are added.
        .app_id("")
        .app_secret(random::text())
        .address(address)
        .dialect(args.dialect)
        .bounded()
        .credentials(random::text)
        .routes(log_in::routes(door.clone()))
        .stored_by(move || {
            let saves = Arc::clone(&saves);
            async move { saves.saved().await }
        })
        .on_call(move |call| calls.add_at(call.arrived, call.into()))
        .paused()
        .try_start();
    center.await.map_err(|error| in_use(address, "--port", &error))
}

fn in_use(address: SocketAddr, option: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "port {} is in use: end the program that uses it, or choose another by {option}",
                address.port()
            )
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}

/// Waits for Ctrl-C or, on Unix, SIGTERM, which are caught from the call on.
fn shutdown_signal() -> Result<impl Future<Output = ()>, String> {
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error: std::io::Error| format!("cannot catch signals: {error}");
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?)
    };
    Ok(async move {
        #[cfg(unix)]
        {
            let (interrupt, terminate) = &mut signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}
