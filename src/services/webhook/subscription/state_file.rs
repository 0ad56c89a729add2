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

    /// Adds the id of a new subscription. Returns those of earlier ones.
    pub(super) async fn add(&self, client: &AuthClient, id: &WebhookId) -> Vec<WebhookId> {
        let mut earlier = self.read(client).await;
        earlier.retain(|other| other != id);
        self.write(client, &[std::slice::from_ref(id), &earlier].concat()).await;
        earlier
    }

    /// Removes the ids of subscriptions that were ended, and leaves those that other processes have added meanwhile.
    pub(super) async fn remove(&self, client: &AuthClient, ended: &[WebhookId]) {
        if ended.is_empty() {
            return;
        }
        let mut ids = self.read(client).await;
        ids.retain(|id| !ended.contains(id));
        self.write(client, &ids).await;
    }

    /// Replaces the ids. A failure is logged.
    async fn write(&self, client: &AuthClient, ids: &[WebhookId]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Two processes of a rolling update: one ends its subscription while the other one adds its own.
    #[tokio::test]
    async fn ids_that_other_process_adds_meanwhile_are_kept() {
        let path = std::env::temp_dir().join(format!("aigc-auth-ids-{}.json", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let client = AuthClient::builder("app", "the app secret", "http://localhost").build().unwrap();
        let [old, new]: [WebhookId; 2] = ["1", "2"].map(|id| serde_json::from_str(id).unwrap());
        let [ending, starting] = [(); 2].map(|()| StateFile::new(path.clone()));
        assert_eq!(ending.add(&client, &old).await, []);
        let ended = ending.read(&client).await;
        assert_eq!(starting.add(&client, &new).await, [old]);
        ending.remove(&client, &ended).await;
        assert_eq!(starting.read(&client).await, [new]);
        std::fs::remove_file(path).unwrap();
    }
}
