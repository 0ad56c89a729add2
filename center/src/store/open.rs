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

/// Opens a state file, or makes it. Returns whether it is new.
///
/// # Errors
/// If it is no state file, one of another version, damaged, or in use. It is left as it is.
pub(crate) async fn open(path: &Path) -> Result<(Store, bool), String> {
    let failed = |error: sqlx::Error| describe(path, &error);
    let is_new = make(path).map_err(|error| format!("state file {}: {error}", path.display()))?;
    if !is_new {
        inspect(path).await?;
    }
    let options = options(path).locking_mode(SqliteLockingMode::Exclusive);
    let mut connection = options.connect().await.map_err(failed)?;
    // Takes the lock, and keeps it: two centers would overwrite each other's rows.
    connection.execute("BEGIN EXCLUSIVE").await.map_err(failed)?;
    if is_new {
        let schema =
            format!("{SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};");
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(schema))).await.map_err(failed)?;
    }
    connection.execute("COMMIT").await.map_err(failed)?;
    Ok((Store::new(connection, path.to_owned()), is_new))
}

/// Makes the file, for its owner alone, unless there is one. Returns whether nothing is in it.
fn make(path: &Path) -> io::Result<bool> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    match new.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(path.metadata()?.len() == 0),
        Err(error) => Err(error),
    }
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
        _ => format!("state file {shown}: {error}"),
    }
}
