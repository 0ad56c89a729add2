//! The last configuration in a file, for a start during an outage of the auth center.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::service::{Service, ServiceConfig};
use crate::types::error::BuildError;
use crate::util::atomic_file;

/// The longest time for which a hanging disk delays the next heartbeat.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A file with the last configuration of a service.
pub(super) struct ConfigFile {
    path: PathBuf,
    /// Locked by the thread that writes: a disk may hang for longer than [`WRITE_TIMEOUT`].
    write_lock: Arc<Mutex<()>>,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct StoredConfig {
    /// The service that it belongs to.
    name: String,
    environment: String,
    #[serde(flatten)]
    config: ServiceConfig,
}

impl ConfigFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, write_lock: Arc::default() }
    }

    /// Reads the configuration of this service. `None` if there is no file, or it is damaged.
    pub(super) fn read(&self, service: &Service) -> Result<Option<ServiceConfig>, BuildError> {
        let fail =
            |why: &str| BuildError::new(format!("the configuration file {} {why}", self.path.display()));
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail("cannot be read").with_source(error)),
        };
        let Ok(stored) = serde_json::from_slice::<StoredConfig>(&text) else {
            // Ignored, since it is a copy: the auth center has the original.
            tracing::warn!(file = %self.path.display(), "the configuration file is damaged, and ignored");
            return Ok(None);
        };
        if stored.name != service.name || stored.environment != service.environment {
            return Err(fail(&format!(
                "belongs to `{}` in `{}`; use one file for each service and environment",
                stored.name, stored.environment
            )));
        }
        Ok(Some(stored.config))
    }

    /// Replaces the file on a blocking thread. Fails if that takes longer than [`WRITE_TIMEOUT`], or an earlier write has
    /// not ended yet.
    pub(super) async fn write(&self, service: &Service, config: &ServiceConfig) -> io::Result<()> {
        let (name, environment) = (service.name.clone(), service.environment.to_owned());
        let text = serde_json::to_vec(&StoredConfig { name, environment, config: config.clone() })?;
        let (path, write_lock) = (self.path.clone(), self.write_lock.clone());
        let write = tokio::task::spawn_blocking(move || {
            let Ok(_guard) = write_lock.try_lock() else {
                return Err(io::Error::other("the last write is still in progress"));
            };
            atomic_file::replace(&path, &text)
        });
        match timeout(WRITE_TIMEOUT, write).await {
            Ok(written) => written.map_err(io::Error::other)?,
            Err(elapsed) => Err(elapsed.into()),
        }
    }
}

/// Saves the latest configuration to a [`ConfigFile`]. A save that fails is retried with the next heartbeat.
pub(super) struct ConfigStore {
    file: ConfigFile,
    /// Whether the file lacks the latest configuration.
    is_dirty: bool,
    has_failed: bool,
}

impl From<ConfigFile> for ConfigStore {
    fn from(file: ConfigFile) -> Self {
        Self { file, is_dirty: false, has_failed: false }
    }
}

impl ConfigStore {
    pub(super) fn mark_dirty(&mut self) {
        self.is_dirty = true;
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    pub(super) async fn save(&mut self, service: &Service, config: &ServiceConfig) {
        match self.file.write(service, config).await {
            Ok(()) => (self.is_dirty, self.has_failed) = (false, false),
            // Logged once until a save succeeds.
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    tracing::warn!(service = service.name, %error, "the configuration cannot be saved to its file");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::services::registry::Registration;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("aigc-auth-config-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn config(n: u64) -> ServiceConfig {
        ServiceConfig { value: json!({ "n": n }), version: json!(n) }
    }

    #[tokio::test]
    async fn write_during_another_write_fails() {
        let directory = directory("once");
        let service = Registration::builder("orders").service().unwrap();
        let file = ConfigFile::new(directory.join("config.json"));
        // A disk that hangs.
        let (write_lock, (resume, resumed)) = (file.write_lock.clone(), std::sync::mpsc::channel::<()>());
        let (locked, is_locked) = tokio::sync::oneshot::channel();
        let disk = std::thread::spawn(move || {
            let _guard = write_lock.lock().unwrap();
            locked.send(()).unwrap();
            resumed.recv().unwrap();
        });
        is_locked.await.unwrap();
        let error = file.write(&service, &config(1)).await.unwrap_err();
        assert!(error.to_string().contains("still in progress"), "{error}");
        resume.send(()).unwrap();
        disk.join().unwrap();
        assert_eq!(file.read(&service).unwrap(), None);
        file.write(&service, &config(2)).await.unwrap();
        assert_eq!(file.read(&service).unwrap(), Some(config(2)));
        fs::remove_dir_all(directory).unwrap();
    }

    /// The temporary file beside it may have been created by anybody: readable for all, or as a link to another file.
    #[cfg(unix)]
    #[tokio::test]
    async fn stale_temporary_file_is_replaced_and_links_are_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let directory = directory("temporary");
        let service = Registration::builder("orders").service().unwrap();
        let (path, temporary) = (directory.join("config.json"), directory.join("config.json.new"));
        let file = ConfigFile::new(path.clone());
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;

        fs::write(&temporary, "half of someth").unwrap();
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o644)).unwrap();
        file.write(&service, &config(1)).await.unwrap();
        assert_eq!((mode(), file.read(&service).unwrap()), (0o600, Some(config(1))));

        let precious = directory.join("precious");
        fs::write(&precious, "precious").unwrap();
        symlink(&precious, &temporary).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        file.write(&service, &config(2)).await.unwrap();
        assert_eq!((mode(), file.read(&service).unwrap()), (0o600, Some(config(2))));
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert!(!temporary.exists());
        fs::remove_dir_all(directory).unwrap();
    }
}
