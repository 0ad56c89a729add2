use std::io;

use tokio::sync::{mpsc, oneshot};

use super::files::Files;
use crate::services::stats::batch::Batch;
use crate::services::stats::lane::Lane;
use crate::services::stats::store::Window;

/// A job for the spool's thread, with the channel for its result.
pub(super) enum Job {
    Add(Lane, Vec<Batch>, oneshot::Sender<Result<u64, AddError>>),
    Read(Lane, usize, oneshot::Sender<io::Result<Window>>),
    Finish(Lane, Vec<Batch>, Vec<Batch>, oneshot::Sender<io::Result<()>>),
}

/// The batches that could not be written, and why.
pub(super) type AddError = (Vec<Batch>, io::Error);

/// Runs jobs until the spool is dropped.
pub(super) fn run(mut files: Files, mut jobs: mpsc::Receiver<Job>) {
    // Sending a result fails only if the reporter was dropped.
    while let Some(job) = jobs.blocking_recv() {
        match job {
            Job::Add(lane, batches, done) => {
                let added = files.add(lane, &batches).map_err(|error| (batches, error));
                let _ = done.send(added);
            }
            Job::Read(lane, limit, done) => drop(done.send(files.read(lane, limit))),
            Job::Finish(lane, rejected, requeue, done) => {
                let _ = done.send(files.finish(lane, &rejected, &requeue));
            }
        }
    }
}
