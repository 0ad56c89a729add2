use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use aigc_auth::testing::UsageRecord;
use serde_json::Value;
use sqlx::{Connection, Executor, SqliteConnection};

use super::open::describe;
use crate::hub::Table;

/// A state file that is open.
#[derive(Debug)]
pub(crate) struct Store {
    connection: SqliteConnection,
    path: PathBuf,
    /// The hash of each value in the file, by table and key: what is the same is not written again.
    saved: HashMap<String, HashMap<String, u64>>,
}

/// A row of a table, as it was read.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) value: Value,
}

impl Store {
    pub(super) fn new(connection: SqliteConnection, path: PathBuf) -> Self {
        Self { connection, path, saved: HashMap::new() }
    }

    /// Reads all rows and usage records.
    pub(crate) async fn read(&mut self) -> Result<(Vec<Row>, Vec<UsageRecord>), String> {
        let path = self.path.clone();
        let failed = |error: sqlx::Error| describe(&path, &error);
        let rows: Vec<(String, String, String)> =
            sqlx::query_as("SELECT name, key, value FROM entry ORDER BY name, key")
                .fetch_all(&mut self.connection)
                .await
                .map_err(failed)?;
        let mut read = Vec::new();
        for (table, key, text) in rows {
            let value =
                parse(&text).map_err(|error| self.unreadable(&format!("a row of {table}"), &error))?;
            self.saved.entry(table.clone()).or_default().insert(key.clone(), hash(&text));
            read.push(Row { table, key, value });
        }
        let rows: Vec<(i64, String, Option<String>, String)> =
            sqlx::query_as("SELECT number, app_id, username, record FROM usage ORDER BY number")
                .fetch_all(&mut self.connection)
                .await
                .map_err(failed)?;
        let mut usage = Vec::new();
        for (number, app_id, username, text) in rows {
            let record = parse(&text).map_err(|error| self.unreadable("a usage record", &error))?;
            usage.push(UsageRecord::new(number.unsigned_abs(), &app_id, username.as_deref(), record));
        }
        Ok((read, usage))
    }

    /// Says that something in the file is not what this program wrote.
    pub(crate) fn unreadable(&self, what: &str, error: &str) -> String {
        let shown = self.path.display();
        format!(
            "state file {shown} is damaged: {what} cannot be read ({error}); it is left as it is: name another file, or move \
             this one away"
        )
    }

    /// Writes what has changed, all or nothing. `first_usage` is the number of the oldest record that is still kept.
    pub(crate) async fn save(
        &mut self,
        tables: impl IntoIterator<Item = &Table>,
        usage: &[UsageRecord],
        first_usage: Option<u64>,
    ) -> Result<(), String> {
        let path = self.path.clone();
        let failed = |error: sqlx::Error| describe(&path, &error);
        // By hand: where SQLite has rolled back by itself, as on a full disk, sqlx's own transaction goes on as if it had not,
        // and the next one is never committed.
        self.connection.execute("BEGIN IMMEDIATE").await.map_err(failed)?;
        let written = self.write(tables, usage, first_usage).await;
        let committed = match written {
            Ok(saved) => self.connection.execute("COMMIT").await.map(|_| saved),
            Err(error) => Err(error),
        };
        match committed {
            Ok(saved) => {
                for (name, hashes) in saved {
                    self.saved.insert(name.to_owned(), hashes);
                }
                Ok(())
            }
            Err(error) => {
                // An error says that SQLite has done so itself.
                let _ = self.connection.execute("ROLLBACK").await;
                Err(failed(error))
            }
        }
    }

    async fn write(
        &mut self,
        tables: impl IntoIterator<Item = &Table>,
        usage: &[UsageRecord],
        first_usage: Option<u64>,
    ) -> sqlx::Result<Vec<(&'static str, HashMap<String, u64>)>> {
        let connection = &mut self.connection;
        let mut saved = Vec::new();
        for table in tables {
            let before = self.saved.get(table.name);
            saved.push((table.name, save_table(connection, table, before).await?));
        }
        for record in usage {
            sqlx::query(
                "INSERT OR REPLACE INTO usage (number, app_id, username, record) VALUES (?, ?, ?, ?)",
            )
            .bind(record.number.cast_signed())
            .bind(&*record.app_id)
            .bind(record.username.as_deref())
            .bind(record.record.to_string())
            .execute(&mut *connection)
            .await?;
        }
        if let (Some(first), false) = (first_usage, usage.is_empty()) {
            let gone = sqlx::query("DELETE FROM usage WHERE number < ?").bind(first.cast_signed());
            gone.execute(&mut *connection).await?;
        }
        Ok(saved)
    }

    pub(crate) async fn close(self) -> Result<(), String> {
        self.connection.close().await.map_err(|error| describe(&self.path, &error))
    }
}

/// Writes the rows that are not as before, and removes those that are gone. Returns the hashes of all.
async fn save_table(
    connection: &mut SqliteConnection,
    table: &Table,
    before: Option<&HashMap<String, u64>>,
) -> sqlx::Result<HashMap<String, u64>> {
    let mut hashes = HashMap::with_capacity(table.rows.len());
    for (key, value) in &table.rows {
        let text = value.to_string();
        let hash = hash(&text);
        if before.and_then(|before| before.get(key)) != Some(&hash) {
            sqlx::query("INSERT OR REPLACE INTO entry (name, key, value) VALUES (?, ?, ?)")
                .bind(table.name)
                .bind(key)
                .bind(text)
                .execute(&mut *connection)
                .await?;
        }
        hashes.insert(key.clone(), hash);
    }
    for key in before.into_iter().flatten().map(|(key, _)| key).filter(|key| !hashes.contains_key(*key)) {
        let gone = sqlx::query("DELETE FROM entry WHERE name = ? AND key = ?").bind(table.name).bind(key);
        gone.execute(&mut *connection).await?;
    }
    Ok(hashes)
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::process::Directory;

    use super::super::open;
    use super::*;

    fn users(count: usize) -> Table {
        let row = |at: usize| (format!("user-{at}"), json!({"nickname": "x".repeat(1_000)}));
        Table { name: "users", rows: (0..count).map(row).collect() }
    }

    async fn limit(store: &mut Store, pages: usize) {
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        store.connection.execute(sqlx::raw_sql(pragma)).await.unwrap();
    }

    /// SQLite's limit of pages is a full disk to it.
    #[tokio::test]
    async fn what_did_not_fit_is_saved_when_there_is_room_again() {
        let directory = Directory::new("store");
        let path = directory.0.join("state");
        let (mut store, is_new) = open(&path).await.unwrap();
        assert!(is_new);
        store.save(&[users(2)], &[], None).await.unwrap();
        limit(&mut store, 10).await;
        for _ in 0..2 {
            let error = store.save(&[users(500)], &[], None).await.unwrap_err();
            assert!(error.contains("the disk is full"), "{error}");
        }
        limit(&mut store, 100_000).await;
        store.save(&[users(500)], &[], None).await.unwrap();
        store.close().await.unwrap();
        let (mut store, is_new) = open(&path).await.unwrap();
        assert_eq!((is_new, store.read().await.unwrap().0.len()), (false, 500));
    }
}
