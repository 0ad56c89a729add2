//! Store the progress of a push in a file.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::error::{SyncError, SyncErrorKind};
use super::summary::PushSummary;
use crate::util::atomic_file;

/// The progress of a push, and the file in which it is stored, if any.
pub(super) struct Checkpoint {
    file: Option<PathBuf>,
    app_id: String,
    state: Option<State>,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct State {
    version: u32,
    /// The app that pushes: the push of another app cannot be resumed.
    app_id: String,
    /// The cursor of the last user that is complete.
    #[serde(rename = "place")]
    cursor: Value,
    finished: bool,
    summary: PushSummary,
}

const VERSION: u32 = 1;

impl Checkpoint {
    pub(super) fn none() -> Self {
        Self { file: None, app_id: String::new(), state: None }
    }

    /// Opens the file, and reads it if the push is to be resumed.
    pub(super) async fn open(file: PathBuf, app_id: &str, resume: bool) -> Result<Self, SyncError> {
        let state = match fs::read(&file) {
            Ok(text) if resume => Some(read(&file, &text, app_id)?),
            Err(error) if resume && error.kind() != ErrorKind::NotFound => {
                return Err(failed(&file, "cannot be read").with_source(error));
            }
            _ => None,
        };
        let is_new = state.is_none();
        let mut checkpoint = Self { file: Some(file), app_id: app_id.to_owned(), state };
        if is_new {
            // Overwrites the checkpoint of an earlier push, so that it is not taken for this one's. Also fails before
            // anything is sent if the file cannot be written.
            checkpoint.save(Value::Null, false, PushSummary::default()).await?;
            checkpoint.state = None;
        }
        Ok(checkpoint)
    }

    pub(super) fn summary(&self) -> Option<&PushSummary> {
        self.state.as_ref().map(|state| &state.summary)
    }

    pub(super) fn cursor(&self) -> Option<Value> {
        self.state.as_ref().map(|state| state.cursor.clone()).filter(|cursor| !cursor.is_null())
    }

    pub(super) fn is_finished(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.finished)
    }

    pub(super) async fn write(mut self, cursor: Value, summary: PushSummary) -> Result<Self, SyncError> {
        self.save(cursor, false, summary).await?;
        Ok(self)
    }

    pub(super) async fn finish(mut self, summary: PushSummary) -> Result<Self, SyncError> {
        let cursor = self.cursor().unwrap_or_default();
        self.save(cursor, true, summary).await?;
        Ok(self)
    }

    async fn save(&mut self, cursor: Value, finished: bool, summary: PushSummary) -> Result<(), SyncError> {
        let app_id = self.app_id.clone();
        let state = State { version: VERSION, app_id, cursor, finished, summary };
        if let Some(file) = &self.file {
            let unwritable = |error: io::Error| failed(file, "cannot be written").with_source(error);
            let text = serde_json::to_vec(&state).map_err(|error| unwritable(error.into()))?;
            let path = file.clone();
            let written = tokio::task::spawn_blocking(move || atomic_file::replace(&path, &text));
            written.await.map_err(io::Error::other).and_then(|written| written).map_err(unwritable)?;
        }
        self.state = Some(state);
        Ok(())
    }
}

fn read(file: &Path, text: &[u8], app_id: &str) -> Result<State, SyncError> {
    let state: State = serde_json::from_slice(text).map_err(|error| {
        failed(file, "is not a checkpoint of a push; remove it to start over").with_source(error)
    })?;
    if state.version != VERSION {
        return Err(failed(file, "has an unsupported version; remove it to start over"));
    }
    if state.app_id != app_id {
        let message = format!("belongs to the app `{}`; remove it to start over", state.app_id);
        return Err(failed(file, &message));
    }
    Ok(state)
}

fn failed(file: &Path, what: &str) -> SyncError {
    SyncError::new(SyncErrorKind::Checkpoint, format!("the checkpoint file {} {what}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn push_without_resume_discards_the_checkpoint() {
        let file = std::env::temp_dir().join(format!("aigc-auth-checkpoint-{}.json", std::process::id()));
        let open = async |resume| Checkpoint::open(file.clone(), "app", resume).await.unwrap();
        let done = PushSummary { total: 7, ..PushSummary::default() };
        let first = open(false).await.write(7.into(), done.clone()).await.unwrap();
        first.finish(done.clone()).await.unwrap();
        let resumed = open(true).await;
        assert_eq!(
            (resumed.is_finished(), resumed.cursor(), resumed.summary()),
            (true, Some(7.into()), Some(&done))
        );

        // A crash before the first chunk is complete.
        drop(open(false).await);
        let resumed = open(true).await;
        let empty = PushSummary::default();
        assert_eq!((resumed.is_finished(), resumed.cursor(), resumed.summary()), (false, None, Some(&empty)));
        fs::remove_file(file).unwrap();
    }
}
