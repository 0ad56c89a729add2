#!/usr/bin/env bash
# sqlx 0.9.0 (crates.io), SQLite: where a commit fails for a full disk, SQLite has rolled back by itself, and sqlx goes on counting
# the transaction as open. The next `begin` is a savepoint; it fails as well, and is rolled back, but not ended; the one after is a
# savepoint within it, whose `commit` returns Ok: the connection reads what was written, `close` returns Ok, and nothing of it is
# in the file.
#
# Seen, with a file that must not grow beyond 100 KiB:
#   commit: disk I/O error
#   commit: disk I/O error
#   commit: Ok, rows of the connection: 400
#   close: Ok, rows of the file: 0
#
# Why it matters here: a state file would lose all changes after a disk was full for a moment, and say nothing. The local center
# begins, commits and rolls back by SQL of its own (center/src/store/rows.rs). Needs cargo and a C compiler.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
cd "$room"

mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "try"
version = "0.0.0"
edition = "2024"
[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["runtime-tokio", "sqlite-bundled"] }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
TOML
cat >src/main.rs <<'RUST'
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

async fn open() -> SqliteConnection {
    SqliteConnectOptions::new().filename("data").create_if_missing(true).connect().await.unwrap()
}

async fn rows(db: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(db).await.unwrap()
}

/// 400 KB, which SQLite writes with the commit.
async fn insert(db: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut transaction = db.begin().await?;
    for _ in 0..400 {
        transaction.execute("INSERT INTO t VALUES (printf('%1000d', 1))").await?;
    }
    transaction.commit().await
}

#[tokio::main]
async fn main() {
    let mut db = open().await;
    db.execute("CREATE TABLE t (x TEXT)").await.unwrap();
    for _ in 0..3 {
        match insert(&mut db).await {
            Ok(()) => println!("commit: Ok, rows of the connection: {}", rows(&mut db).await),
            Err(error) => println!("commit: {}", error.as_database_error().unwrap().message()),
        }
    }
    db.close().await.unwrap();
    println!("close: Ok, rows of the file: {}", rows(&mut open().await).await);
}
RUST
cargo build -q
# A disk of 100 KiB: what is more cannot be written.
(
  trap '' XFSZ
  ulimit -f 100
  "${CARGO_TARGET_DIR:-target}/debug/try"
) | tee seen
diff seen - <<'SEEN'
commit: disk I/O error
commit: disk I/O error
commit: Ok, rows of the connection: 400
close: Ok, rows of the file: 0
SEEN
