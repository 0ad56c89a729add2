use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::util::atomic_file;
use crate::verifiers::client::{AuthClient, WebhookId};

/// The ids of this service's subscriptions, which the auth center lists to nobody: those of earlier processes can be ended
/// only by whoever remembers them.
#[derive(Clone)]
pub(super) struct StateFile {
    path: Arc<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct State {
    /// Ids of another auth center, or of another app, mean nothing to this one.
    center: String,
    app_id: String,
    /// The latest first.
    ids: Vec<WebhookId>,
}

impl StateFile {
    /// The longest time for which a hanging disk delays the subscription.
    const TIMEOUT: Duration = Duration::from_secs(5);

    pub(super) fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path) }
    }

    /// Reads the ids. None if there is no file, or it is damaged or another app's.
    pub(super) async fn read(&self, client: &AuthClient) -> Vec<WebhookId> {
        let path = self.path.clone();
        let read = move || match std::fs::read(&*path) {
            Ok(text) => serde_json::from_slice::<State>(&text).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        match Self::in_time(read).await {
            Ok(Some(state)) if state.center == client.base_url() && state.app_id == client.app_id() => {
                state.ids
            }
            Ok(Some(_)) => {
                tracing::warn!(
                    file = %self.path.display(),
                    "the state file of the webhook subscription is another app's, and is replaced"
                );
                vec![]
            }
            Ok(None) => vec![],
            Err(error) => {
                tracing::warn!(
                    file = %self.path.display(), %error,
                    "the state file of the webhook subscription cannot be read; earlier subscriptions stay"
                );
                vec![]
            }
        }
    }

    /// Replaces the ids. A failure is logged.
    pub(super) async fn write(&self, client: &AuthClient, ids: &[WebhookId]) {
        let (center, app_id) = (client.base_url().to_owned(), client.app_id().to_owned());
        let (path, state) = (self.path.clone(), State { center, app_id, ids: ids.to_vec() });
        let written = Self::in_time(move || atomic_file::replace(&path, &serde_json::to_vec(&state)?)).await;
        if let Err(error) = written {
            tracing::warn!(
                file = %self.path.display(), %error,
                "the state file of the webhook subscription cannot be written; the next start subscribes once more"
            );
        }
    }

    async fn in_time<T: Send + 'static>(
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        timeout(Self::TIMEOUT, tokio::task::spawn_blocking(work)).await?.map_err(io::Error::other)?
    }
}
