use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::{mpsc, oneshot};

use super::files::{Files, Outcome};
use super::page::Page;
use super::refused_batch::RefusedBatch;
use super::returned::Returned;
use crate::services::stats::batch::Batch;
use crate::services::stats::lane::Lane;
use crate::services::stats::store::{Added, Finished, Refused, Window};

/// A job for the spool's thread, with the channel for its result.
pub(super) enum Job {
    Add(Lane, Vec<Batch>, oneshot::Sender<Outcome<Added>>),
    Read(Lane, usize, oneshot::Sender<Outcome<Window>>),
    Finish(Lane, Vec<Refused>, Vec<Batch>, oneshot::Sender<Outcome<Finished>>),
    Keep(Refused, oneshot::Sender<Outcome<u64>>),
    Release(Lane, Vec<Refused>, Vec<Batch>, oneshot::Sender<Outcome<Finished>>),
    List(Page, oneshot::Sender<(Vec<RefusedBatch>, u128)>),
    Resend(HashMap<u128, Option<HeaderValue>>, Arc<Returned>, oneshot::Sender<Outcome<u64>>),
    Discard(HashSet<u128>, oneshot::Sender<io::Result<u64>>),
    Export(PathBuf, oneshot::Sender<io::Result<u64>>),
}

/// The spool's thread is gone, and so is its channel.
pub(super) fn ended() -> io::Error {
    io::Error::other("the spool's thread has ended")
}

/// Runs jobs until the spool is dropped.
pub(super) fn run(mut files: Files, mut jobs: mpsc::Receiver<Job>) {
    while let Some(job) = jobs.blocking_recv() {
        match job {
            Job::Add(lane, batches, done) => answer(done, files.add(lane, batches)),
            Job::Read(lane, limit, done) => answer(done, files.read(lane, limit)),
            Job::Finish(lane, refused, requeue, done) => answer(done, files.finish(lane, refused, requeue)),
            Job::Release(lane, refused, left, done) => answer(done, files.release(lane, refused, left)),
            Job::Keep(refused, done) => {
                answer(done, files.set_refused_aside(refused.batch.lane, vec![refused]));
            }
            Job::List(page, done) => answer(done, files.list_refused(page)),
            Job::Resend(chosen, returned, done) => {
                let outcome = files.resend_refused(&chosen);
                // Counted here: whoever asked may have gone, and the collector is to know of them all the same.
                returned.add(outcome.0);
                answer(done, outcome);
            }
            Job::Discard(chosen, done) => answer(done, files.discard_refused(&chosen)),
            Job::Export(path, done) => answer(done, files.export_refused(&path)),
        }
    }
}

/// Fails only if who asked was dropped.
fn answer<T>(done: oneshot::Sender<T>, result: T) {
    let _ = done.send(result);
}
