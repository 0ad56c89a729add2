//! The last known configuration, for a start while the auth center is down.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::service::{Service, ServiceConfig};
use crate::error::BuildError;

#[derive(Clone)]
pub(super) struct ConfigFile(PathBuf);

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Whose it is.
    name: String,
    environment: String,
    #[serde(flatten)]
    config: ServiceConfig,
}

impl ConfigFile {
    pub(super) fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// What was kept for this service, if there is a file.
    pub(super) fn read(&self, service: &Service) -> Result<Option<ServiceConfig>, BuildError> {
        let refuse =
            |why: &str| BuildError::new(format!("the configuration file {} {why}", self.0.display()));
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refuse("cannot be read").with_source(error)),
        };
        let Ok(kept) = serde_json::from_slice::<Kept>(&text) else {
            // It is a copy: the auth center has the original.
            tracing::warn!(file = %self.0.display(), "the configuration file is damaged, and left aside");
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
        let file = self.0.clone();
        tokio::task::spawn_blocking(move || replace(&file, &text)).await.map_err(io::Error::other)?
    }
}

/// A crash leaves the old one or the new one. Its settings may be secrets: nobody else reads them.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut new = options.open(&beside)?;
    new.write_all(text)?;
    new.sync_data()?;
    fs::rename(&beside, file)
}
