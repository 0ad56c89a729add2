use std::fmt;
use std::io;

use super::page::Page;
use super::refused_batch::RefusedBatch;
use super::refused_records::RefusedRecords;
use super::worker::Job;

/// The refused batches in pages; from [`RefusedRecords::pages`].
#[must_use]
pub struct RefusedPages {
    records: RefusedRecords,
    next: Page,
}

impl RefusedRecords {
    /// Lists the refused batches in pages of so many, at least 1, the oldest first: for a spool with more of them than memory
    /// is to hold. A batch takes about 500 bytes here, whatever it has on disk; each page reads the file from its start, so choose
    /// thousands rather than tens.
    ///
    /// ```no_run
    /// # async fn example(refused: aigc_auth::stats::RefusedRecords) -> std::io::Result<()> {
    /// let mut pages = refused.pages(5_000);
    /// while let Some(page) = pages.next().await? {
    ///     refused.resend(page).await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn pages(&self, size: usize) -> RefusedPages {
        RefusedPages { records: self.clone(), next: Page::of(size.max(1)) }
    }
}

impl RefusedPages {
    /// Returns the next page; `None` after the last one. What is refused after the first page was read is in none, so that a
    /// loop that sends all of them again ends, even if they are all refused again.
    ///
    /// # Errors
    /// If the spool is closed. The page may then be asked for again.
    pub async fn next(&mut self) -> io::Result<Option<Vec<RefusedBatch>>> {
        let (batches, until) = self.records.run(|done| Job::List(self.next, done)).await?;
        self.next.until = Some(until);
        let Some(last) = batches.last() else { return Ok(None) };
        self.next.after = last.id();
        Ok(Some(batches))
    }
}

impl fmt::Debug for RefusedPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedPages").field("size", &self.next.size).finish_non_exhaustive()
    }
}
