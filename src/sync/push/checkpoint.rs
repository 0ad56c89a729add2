//! How far a push has come, in a file.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::error::{SyncError, SyncErrorKind};
use super::PushSummary;
use crate::atomic_file;

pub(super) struct Checkpoint {
    file: Option<PathBuf>,
    app_id: String,
    state: Option<State>,
}

#[derive(Serialize, Deserialize)]
struct State {
    version: u32,
    /// Whose push it is: another app's is another push.
    app_id: String,
    /// The last user that is done.
    place: Value,
    finished: bool,
    summary: PushSummary,
}

const VERSION: u32 = 1;

impl Checkpoint {
    pub(super) fn none() -> Self {
        Self { file: None, app_id: String::new(), state: None }
    }

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
            // What an earlier push left there must not be taken for this one's. And where nothing can be kept, nothing is
            // sent.
            checkpoint.keep(Value::Null, false, &PushSummary::default()).await?;
            checkpoint.state = None;
        }
        Ok(checkpoint)
    }

    pub(super) fn summary(&self) -> Option<&PushSummary> {
        self.state.as_ref().map(|state| &state.summary)
    }

    pub(super) fn place(&self) -> Option<Value> {
        self.state.as_ref().map(|state| state.place.clone()).filter(|place| !place.is_null())
    }

    pub(super) fn is_finished(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.finished)
    }

    pub(super) async fn write(&mut self, place: Value, summary: &PushSummary) -> Result<(), SyncError> {
        self.keep(place, false, summary).await
    }

    pub(super) async fn finish(&mut self, summary: &PushSummary) -> Result<(), SyncError> {
        let place = self.place().unwrap_or_default();
        self.keep(place, true, summary).await
    }

    async fn keep(&mut self, place: Value, finished: bool, summary: &PushSummary) -> Result<(), SyncError> {
        let Some(file) = &self.file else { return Ok(()) };
        let (app_id, summary) = (self.app_id.clone(), summary.clone());
        let state = State { version: VERSION, app_id, place, finished, summary };
        let unwritable = |error: io::Error| failed(file, "cannot be written").with_source(error);
        let text = serde_json::to_vec(&state).map_err(|error| unwritable(error.into()))?;
        let path = file.clone();
        let written = tokio::task::spawn_blocking(move || atomic_file::replace(&path, &text));
        written.await.map_err(io::Error::other).and_then(|written| written).map_err(unwritable)?;
        self.state = Some(state);
        Ok(())
    }
}

fn read(file: &Path, text: &[u8], app_id: &str) -> Result<State, SyncError> {
    let state: State = serde_json::from_slice(text)
        .map_err(|error| failed(file, "is not one of a push; remove it to start anew").with_source(error))?;
    if state.version != VERSION {
        return Err(failed(file, "was written by another version; remove it to start anew"));
    }
    if state.app_id != app_id {
        let whose = format!("is of the app `{}`; remove it to start anew", state.app_id);
        return Err(failed(file, &whose));
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
    async fn a_push_that_starts_anew_forgets_the_one_before() {
        let file = std::env::temp_dir().join(format!("aigc-auth-anew-{}.json", std::process::id()));
        let open = async |resume| Checkpoint::open(file.clone(), "app", resume).await.unwrap();
        let done = PushSummary { total: 7, ..PushSummary::default() };
        let mut first = open(false).await;
        first.write(7.into(), &done).await.unwrap();
        first.finish(&done).await.unwrap();
        let resumed = open(true).await;
        assert_eq!(
            (resumed.is_finished(), resumed.place(), resumed.summary()),
            (true, Some(7.into()), Some(&done))
        );

        // It crashes before its first chunk is done.
        drop(open(false).await);
        let resumed = open(true).await;
        let nothing = PushSummary::default();
        assert_eq!(
            (resumed.is_finished(), resumed.place(), resumed.summary()),
            (false, None, Some(&nothing))
        );
        fs::remove_file(file).unwrap();
    }
}
