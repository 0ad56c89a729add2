use std::io;

use tokio::sync::{mpsc, oneshot};

use super::files::Files;
use crate::services::stats::batch::Batch;
use crate::services::stats::store::Window;

/// A job for the spool's thread, with the channel for its result.
pub(super) enum Job {
    Add(Vec<Batch>, oneshot::Sender<Result<u64, AddError>>),
    Read(usize, oneshot::Sender<io::Result<Window>>),
    Finish(Vec<Batch>, Vec<Batch>, oneshot::Sender<io::Result<u64>>),
}

/// The batches that could not be written, and why.
pub(super) type AddError = (Vec<Batch>, io::Error);

/// Runs jobs until the spool is dropped.
pub(super) fn run(mut files: Files, mut jobs: mpsc::Receiver<Job>) {
    // Sending a result fails only if the reporter was dropped.
    while let Some(job) = jobs.blocking_recv() {
        match job {
            Job::Add(batches, done) => {
                let added = files.add(&batches).map_err(|error| (batches, error));
                let _ = done.send(added);
            }
            Job::Read(limit, done) => drop(done.send(files.read(limit))),
            Job::Finish(rejected, requeue, done) => drop(done.send(files.finish(&rejected, &requeue))),
        }
    }
}
