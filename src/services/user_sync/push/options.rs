use std::path::PathBuf;

/// Options of [`UserSync::push_all`](crate::user_sync::UserSync::push_all).
#[derive(Clone, Debug)]
#[must_use]
pub struct PushOptions {
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) resume: bool,
    pub(super) dry_run: bool,
    pub(super) max_in_flight: usize,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self { checkpoint: None, resume: false, dry_run: false, max_in_flight: 4 }
    }
}

impl PushOptions {
    /// Creates options with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores the progress in this file, so that another push can [resume](Self::resume) it. The file is replaced atomically:
    /// a crash leaves the last checkpoint intact. It may lack the last chunks, twice [`max_in_flight`](Self::max_in_flight)
    /// of them at most, which are then sent again; a [`Progress`](super::PushEvent::Progress) that was reported is in it.
    /// Defaults to none.
    pub fn checkpoint(mut self, file: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(file.into());
        self
    }

    /// Resumes the push of the checkpoint file, if there is one. Defaults to starting over.
    pub fn resume(mut self) -> Self {
        self.resume = true;
        self
    }

    /// Reads and maps all users without sending any. Defaults to sending them.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Sets how many chunks of 100 users may be in flight, and as many may wait for the checkpoint. Defaults to 4; clamped to 1 to 64.
    pub fn max_in_flight(mut self, chunks: usize) -> Self {
        self.max_in_flight = chunks.clamp(1, 64);
        self
    }
}
