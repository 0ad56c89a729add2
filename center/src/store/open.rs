use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection};

use super::rows::Store;

/// `AIGC`, which tells the file from those of other programs.
const APPLICATION_ID: i64 = 0x4149_4743;
/// Of the tables and of what is in them.
const VERSION: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE entry (
        name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE usage (
        number INTEGER PRIMARY KEY, app_id TEXT NOT NULL, username TEXT, record TEXT NOT NULL
    ) STRICT;
";

/// Opens a state file, or makes it. Returns whether nothing was ever saved in it: a program that has made the file may have
/// ended before its first save, such as for a port in use.
///
/// # Errors
/// If it is no state file, one of another version, damaged, or in use. It is left as it is.
pub(crate) async fn open(path: &Path) -> Result<(Store, bool), String> {
    let failed = |error: sqlx::Error| describe(path, &error);
    let shown = path.display();
    let path = &std::path::absolute(path).map_err(|error| format!("state file {shown}: {error}"))?;
    let make = || make(path).map_err(|error| format!("state file {shown}: {error}"));
    let mut is_empty = make()?;
    if !is_empty && was_cut(path) {
        recover(path).await?;
        is_empty = make()?;
    }
    if !is_empty {
        inspect(path).await?;
    }
    let options = options(path).locking_mode(SqliteLockingMode::Exclusive);
    let mut connection = options.connect().await.map_err(failed)?;
    // Takes the lock, and keeps it: two centers would overwrite each other's rows.
    connection.execute("BEGIN EXCLUSIVE").await.map_err(failed)?;
    if is_empty {
        let schema =
            format!("{SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};");
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(schema))).await.map_err(failed)?;
    }
    let has_rows = "SELECT EXISTS (SELECT 1 FROM entry)";
    let has_rows: bool = sqlx::query_scalar(has_rows).fetch_one(&mut connection).await.map_err(failed)?;
    connection.execute("COMMIT").await.map_err(failed)?;
    Ok((Store::new(connection, path.to_owned()), !has_rows))
}

/// Makes the file, for its owner alone, unless there is one. Returns whether nothing is in it.
fn make(path: &Path) -> io::Result<bool> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    match new.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = path.metadata()?;
            if !found.is_file() {
                return Err(io::Error::other("expected a file, found a directory or a device: name a file"));
            }
            Ok(found.len() == 0)
        }
        Err(error) => Err(error),
    }
}

/// Whether a save was cut, as by a kill: SQLite has left its journal, and the file may be half of what it was before and half
/// of what it was to be. Only a file of this program is one to care about.
fn was_cut(path: &Path) -> bool {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    let mut header = [0; 72];
    let read = std::fs::File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut header));
    let is_own = read.is_ok()
        && header.starts_with(b"SQLite format 3\0")
        && i64::from(u32::from_be_bytes([header[68], header[69], header[70], header[71]])) == APPLICATION_ID;
    is_own && Path::new(&journal).metadata().is_ok_and(|journal| journal.len() > 0)
}

/// Takes the save back that was cut: what SQLite does where it may write.
async fn recover(path: &Path) -> Result<(), String> {
    let failed = |error: sqlx::Error| describe(path, &error);
    let mut connection = options(path).connect().await.map_err(failed)?;
    connection.execute("PRAGMA schema_version").await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// Rejects a file that this program must not write.
async fn inspect(path: &Path) -> Result<(), String> {
    let failed = |error: sqlx::Error| describe(path, &error);
    let mut connection = options(path).read_only(true).connect().await.map_err(failed)?;
    let number = async |connection: &mut SqliteConnection, pragma: &'static str| {
        sqlx::query_scalar::<_, i64>(pragma).fetch_one(connection).await.map_err(failed)
    };
    let shown = path.display();
    let advice = "it is left as it is: name another file, or move this one away";
    if number(&mut connection, "PRAGMA application_id").await? != APPLICATION_ID {
        return Err(format!("{shown} is a database of another program, no state file; {advice}"));
    }
    let version = number(&mut connection, "PRAGMA user_version").await?;
    if version != VERSION {
        return Err(format!(
            "state file {shown} is of version {version}, and this program reads version {VERSION}; {advice}"
        ));
    }
    let check = "PRAGMA quick_check(1)";
    let verdict: String = sqlx::query_scalar(check).fetch_one(&mut connection).await.map_err(failed)?;
    if verdict != "ok" {
        return Err(format!("state file {shown} is damaged ({verdict}); {advice}"));
    }
    connection.close().await.map_err(failed)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_millis(500))
}

/// The texts of SQLite say what, but neither to which file nor what to do.
pub(super) fn describe(path: &Path, error: &sqlx::Error) -> String {
    let shown = path.display();
    let code = error.as_database_error().and_then(|error| error.code());
    // The low byte is the primary code of an extended one.
    let code = code.and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff);
    match code {
        Some(5 | 6) => {
            format!("state file {shown} is in use by another program: end it, or name another file")
        }
        Some(11 | 26) => {
            format!(
                "{shown} is damaged, or no state file; it is left as it is: name another file, or move this one away"
            )
        }
        Some(8) => {
            format!("state file {shown} cannot be written: it is on a read-only file system, or another's")
        }
        Some(13) => format!("state file {shown}: the disk is full: make room"),
        _ => format!("state file {shown}: {error}"),
    }
}
