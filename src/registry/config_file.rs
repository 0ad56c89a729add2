//! The last known configuration, for a start while the auth center is down.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::service::{Service, ServiceConfig};
use crate::atomic_file;
use crate::error::BuildError;

/// A disk that hangs must not keep heartbeats back for longer.
const LONGEST_WRITE: Duration = Duration::from_secs(5);

pub(super) struct ConfigFile {
    path: PathBuf,
    /// Held while it is written: a disk may hang for longer than anybody waits.
    writing: Arc<Mutex<()>>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Whose it is.
    name: String,
    environment: String,
    #[serde(flatten)]
    config: ServiceConfig,
}

impl ConfigFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, writing: Arc::default() }
    }

    /// What was kept for this service, if there is a file.
    pub(super) fn read(&self, service: &Service) -> Result<Option<ServiceConfig>, BuildError> {
        let refuse =
            |why: &str| BuildError::new(format!("the configuration file {} {why}", self.path.display()));
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refuse("cannot be read").with_source(error)),
        };
        let Ok(kept) = serde_json::from_slice::<Kept>(&text) else {
            // It is a copy: the auth center has the original.
            tracing::warn!(file = %self.path.display(), "the configuration file is damaged, and left aside");
            return Ok(None);
        };
        if kept.name != service.name || kept.environment != service.environment {
            return Err(refuse(&format!(
                "is of `{}` in `{}`; give each service its own",
                kept.name, kept.environment
            )));
        }
        Ok(Some(kept.config))
    }

    pub(super) async fn write(&self, service: &Service, config: &ServiceConfig) -> io::Result<()> {
        let (name, environment) = (service.name.clone(), service.environment.to_owned());
        let text = serde_json::to_vec(&Kept { name, environment, config: config.clone() })?;
        let (path, writing) = (self.path.clone(), self.writing.clone());
        let written = tokio::task::spawn_blocking(move || {
            let Ok(_alone) = writing.try_lock() else {
                return Err(io::Error::other("the last attempt to write it is still under way"));
            };
            atomic_file::replace(&path, &text)
        });
        match timeout(LONGEST_WRITE, written).await {
            Ok(written) => written.map_err(io::Error::other)?,
            Err(late) => Err(late.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::registry::Registration;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("aigc-auth-config-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn config(n: u64) -> ServiceConfig {
        ServiceConfig { value: json!({ "n": n }), version: json!(n) }
    }

    #[tokio::test]
    async fn it_is_written_once_at_a_time() {
        let directory = directory("once");
        let service = Registration::builder("orders").service().unwrap();
        let file = ConfigFile::new(directory.join("config.json"));
        // As a disk does that hangs.
        let (writing, (hang, until)) = (file.writing.clone(), std::sync::mpsc::channel::<()>());
        let (held, is_held) = tokio::sync::oneshot::channel();
        let disk = std::thread::spawn(move || {
            let _alone = writing.lock().unwrap();
            held.send(()).unwrap();
            until.recv().unwrap();
        });
        is_held.await.unwrap();
        let error = file.write(&service, &config(1)).await.unwrap_err();
        assert!(error.to_string().contains("still under way"), "{error}");
        hang.send(()).unwrap();
        disk.join().unwrap();
        assert_eq!(file.read(&service).unwrap(), None);
        file.write(&service, &config(2)).await.unwrap();
        assert_eq!(file.read(&service).unwrap(), Some(config(2)));
        fs::remove_dir_all(directory).unwrap();
    }

    /// What lies beside it may be anybody's: readable for all, or a link to what must not be overwritten.
    #[cfg(unix)]
    #[tokio::test]
    async fn what_lies_beside_it_is_replaced() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let directory = directory("beside");
        let service = Registration::builder("orders").service().unwrap();
        let (path, beside) = (directory.join("config.json"), directory.join("config.json.new"));
        let file = ConfigFile::new(path.clone());
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;

        fs::write(&beside, "half of someth").unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).unwrap();
        file.write(&service, &config(1)).await.unwrap();
        assert_eq!((mode(), file.read(&service).unwrap()), (0o600, Some(config(1))));

        let precious = directory.join("precious");
        fs::write(&precious, "precious").unwrap();
        symlink(&precious, &beside).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        file.write(&service, &config(2)).await.unwrap();
        assert_eq!((mode(), file.read(&service).unwrap()), (0o600, Some(config(2))));
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert!(!beside.exists());
        fs::remove_dir_all(directory).unwrap();
    }
}
