//! Write refused records for people.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::refused_file::RefusedEntry;
use crate::services::stats::batch::Batch;
use crate::types::user::{UserId, UserInfo};

#[derive(Serialize)]
struct Line<'a> {
    refused_at: Option<String>,
    code: Option<u16>,
    reason: &'a str,
    user_id: Option<&'a UserId>,
    username: Option<&'a str>,
    record: &'a RawValue,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    stats: Vec<&'a RawValue>,
}

/// Writes the records of batches to a new file. Returns how many there are. A file that could not be written to its end is
/// removed.
pub(super) fn export(path: &Path, refused: impl Iterator<Item = (RefusedEntry, Batch)>) -> io::Result<u64> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    let written = write(&file, refused).and_then(|records| file.sync_all().map(|()| records));
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

fn write(file: &File, refused: impl Iterator<Item = (RefusedEntry, Batch)>) -> io::Result<u64> {
    let (mut writer, mut records) = (BufWriter::new(file), 0);
    for (entry, batch) in refused {
        let Body { stats } = serde_json::from_slice(&batch.body)?;
        let refused =
            i64::try_from(entry.refused).ok().and_then(|time| jiff::Timestamp::from_second(time).ok());
        for record in stats {
            let line = Line {
                refused_at: refused.map(|time| time.to_string()),
                code: entry.code,
                reason: &entry.reason,
                user_id: batch.user.as_ref().map(UserInfo::id),
                username: batch.user.as_ref().map(UserInfo::username),
                record,
            };
            serde_json::to_writer(&mut writer, &line)?;
            writer.write_all(b"\n")?;
            records += 1;
        }
    }
    writer.flush()?;
    Ok(records)
}
