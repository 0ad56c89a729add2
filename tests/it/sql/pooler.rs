//! Stores behind poolers and beside futures that are dropped: each statement is answered with its own rows.

use std::time::Duration;

use aigc_auth::user_sync::{LegacyStore, SqlStore};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::sql::support::{Database, all, behind_pgbouncer, in_each, no_password, user};
use crate::support::until_async;

const COLUMNS: [&str; 3] = ["username", "email", "nickname"];

async fn users(database: &Database, count: usize) {
    database
        .run("CREATE TABLE users (id SERIAL, username varchar(50) UNIQUE NOT NULL, email varchar(99), nickname varchar(99))")
        .await;
    let values: Vec<_> =
        (0..count).map(|user| format!("('user {user}', 'e {user} 0', 'n {user} 0')")).collect();
    database
        .run(&format!("INSERT INTO users (username, email, nickname) VALUES {}", values.join(", ")))
        .await;
}

async fn connect(database: &Database, url: &str) -> SqlStore {
    let builder = SqlStore::builder(format!("{}.users", database.schema())).columns(COLUMNS);
    builder.timeout(Duration::from_secs(30)).connect(url).await.unwrap()
}

/// Checks that each user has values of their own, each in its column, and returns the numbers of the last ones.
async fn check(store: &SqlStore, count: usize) -> Vec<(usize, usize)> {
    let rows = all(store, None).await;
    assert_eq!(rows.len(), count);
    let last = |(number, (_, row)): (usize, &(_, aigc_auth::user_sync::LegacyUser))| {
        assert_eq!(row["username"], json!(format!("user {number}")));
        let of = |column: &str, letter: char| -> usize {
            let value = row[column].as_str().unwrap();
            let written = value.strip_prefix(&format!("{letter} {number} "));
            written.unwrap_or_else(|| panic!("{column} of user {number}: {value}")).parse().unwrap()
        };
        (of("email", 'e'), of("nickname", 'n'))
    };
    rows.iter().enumerate().map(last).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_updates_behind_pgbouncer_stay_in_their_columns() {
    behind_pgbouncer(|database, url| async move {
        users(&database, 20).await;
        let stores = [connect(&database, &url).await, connect(&database, &url).await];
        let updates = stream::iter(1..=4_000_usize).map(|number| {
            let store = stores[number % 2].clone();
            async move {
                // The e-mail in one update, the nickname in the next one of the same user.
                let of = number / 2 % 20;
                let (column, letter) = if number / 40 % 2 == 0 { ("email", 'e') } else { ("nickname", 'n') };
                let changes = user(json!({ column: format!("{letter} {of} {number}") }));
                let name = json!(format!("user {of}"));
                if number % 8 == 0 {
                    let found = store.find("username", &name).await.unwrap().unwrap();
                    assert_eq!(found["username"], name);
                }
                assert!(store.update("username", &name, changes).await.unwrap(), "{number}");
            }
        });
        updates.buffer_unordered(20).collect::<Vec<_>>().await;
        for (email, nickname) in check(&stores[0], 20).await {
            assert!(email > 0 && email / 40 % 2 == 0, "{email}");
            assert!(nickname / 40 % 2 == 1, "{nickname}");
        }
    })
    .await;
}

#[tokio::test]
async fn store_works_behind_pgbouncer() {
    behind_pgbouncer(|database, url| async move {
        users(&database, 1_234).await;
        // The setting that other programs need there is harmless.
        for url in [url.clone(), format!("{url}?statement-cache-capacity=0")] {
            let store = connect(&database, &url).await;
            assert_eq!(store.count().await.unwrap(), Some(1_234));
            assert_eq!(store.all(None).try_collect::<Vec<_>>().await.unwrap().len(), 1_234);
            let name = json!("o'ne");
            store.create(user(json!({ "username": name, "email": "e" })), no_password()).await.unwrap();
            let again = store.create(user(json!({ "username": name })), no_password()).await.unwrap_err();
            assert!(again.to_string().contains("duplicate key"), "{again}");
            assert!(store.update("username", &name, user(json!({ "nickname": "n" }))).await.unwrap());
            let found = store.find("username", &name).await.unwrap().unwrap();
            assert_eq!((&found["email"], &found["nickname"]), (&json!("e"), &json!("n")));
            assert!(store.remove("username", &name).await.unwrap());
            assert!(!store.remove("username", &name).await.unwrap());
            assert_eq!(store.find("username", &name).await.unwrap(), None);
        }
    })
    .await;
}

#[tokio::test]
async fn floats_are_exact_whatever_the_server_says() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        database
            .run("CREATE TABLE users (id SERIAL, username text UNIQUE, ratio double precision, single real)")
            .await;
        // As servers before PostgreSQL 12 have it.
        let url = format!("{}%20-c%20extra_float_digits%3D0", database.url());
        let builder = SqlStore::builder("users").columns(["username", "ratio", "single"]);
        let store = builder.connect(url).await.unwrap();
        let ratios = [0.1, 0.1 + 0.2, 1.0 / 3.0, f64::MAX, f64::MIN_POSITIVE, std::f64::consts::PI];
        for (number, ratio) in ratios.into_iter().enumerate() {
            let row = json!({ "username": number.to_string(), "ratio": ratio, "single": 0.1 });
            store.create(user(row), no_password()).await.unwrap();
            let found = store.find("username", &json!(number.to_string())).await.unwrap().unwrap();
            // 17 digits, which JSON could lose, are a text.
            let read = found["ratio"].as_f64().or_else(|| found["ratio"].as_str()?.parse().ok());
            assert_eq!((read, &found["single"]), (Some(ratio), &json!(0.1)));
        }
    })
    .await;
}

/// Drops updates after more and more of their work, and uses the connections again.
async fn drop_updates(database: &Database, url: &str) {
    let store = SqlStore::builder(format!("{}.users", database.schema())).columns(COLUMNS);
    let store = store.max_connections(2).connect(url).await.unwrap();
    for number in 1..=300_u64 {
        let (of, other) = (number % 3, (number + 1) % 3);
        let name = json!(format!("user {of}"));
        let changes =
            user(json!({ "email": format!("e {of} {number}"), "nickname": format!("n {of} {number}") }));
        // From its first poll to past its end.
        let patience = Duration::from_micros(number * 10);
        let _ = tokio::time::timeout(patience, store.update("username", &name, changes)).await;
        let name = json!(format!("user {other}"));
        let _ = tokio::time::timeout(patience, store.find("username", &name)).await;
        let found = store.find("username", &name).await.unwrap().unwrap();
        assert_eq!(found["username"], name);
    }
    for (email, nickname) in check(&store, 3).await {
        assert_eq!(email, nickname, "half a change");
    }
    // Nobody holds a lock on the rows.
    for of in 0..3 {
        let name = json!(format!("user {of}"));
        let changes = user(json!({ "email": format!("e {of} 0"), "nickname": format!("n {of} 0") }));
        assert!(store.update("username", &name, changes).await.unwrap());
    }
    assert_eq!(check(&store, 3).await, [(0, 0); 3]);
}

#[tokio::test]
async fn dropped_updates_leave_no_transaction_and_no_answer() {
    in_each(|database| async move {
        users(&database, 3).await;
        drop_updates(&database, database.url()).await;
    })
    .await;
    behind_pgbouncer(|database, url| async move {
        users(&database, 3).await;
        drop_updates(&database, &url).await;
    })
    .await;
}

#[tokio::test]
async fn update_that_times_out_behind_pgbouncer_is_rolled_back() {
    behind_pgbouncer(|database, url| async move {
        users(&database, 2).await;
        let builder = SqlStore::builder(format!("{}.users", database.schema())).columns(COLUMNS).max_connections(1);
        let store = builder.timeout(Duration::from_millis(500)).connect(&url).await.unwrap();
        let (held, free) = (json!("user 0"), json!("user 1"));
        let lock = async {
            database.run("BEGIN; SELECT 1 FROM users WHERE username = 'user 0' FOR UPDATE; SELECT pg_sleep(2); COMMIT").await;
        };
        let update = async {
            let sleeps = "pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%user 0%FOR UPDATE; SELECT pg_sleep(2)%'";
            until_async("the row is locked", async || database.count(sleeps).await == 1).await;
            let late = store.update("username", &held, user(json!({ "email": "late" }))).await.unwrap_err();
            assert!(late.to_string().ends_with("no answer of the database within 500ms"), "{late}");
            // The next transaction is one of its own.
            assert!(store.update("username", &free, user(json!({ "email": "e" }))).await.unwrap());
            assert_eq!(store.find("username", &free).await.unwrap().unwrap()["email"], "e");
        };
        tokio::join!(lock, update);
        // Once the lock is gone, so is the update that waited for it.
        let open = format!(
            "pg_stat_activity WHERE state LIKE 'idle in transaction%' AND query LIKE '%{}%'",
            database.schema()
        );
        until_async("no transaction is left", async || database.count(&open).await == 0).await;
        assert_eq!(store.find("username", &held).await.unwrap().unwrap()["email"], "e 0 0");
    })
    .await;
}

/// MySQL's proxies number the statements of each client. Those that do not can have none kept.
#[tokio::test]
async fn mysql_works_without_kept_statements() {
    in_each(|database| async move {
        if database.choose(true, true, false) {
            return;
        }
        users(&database, 3).await;
        let store = connect(&database, &format!("{}?statement-cache-capacity=0", database.url())).await;
        let name = json!("user 1");
        for number in 1..=5 {
            for (column, value) in [("email", format!("e 1 {number}")), ("nickname", format!("n 1 {number}"))]
            {
                assert!(store.update("username", &name, user(json!({ column: value }))).await.unwrap());
            }
        }
        assert_eq!(check(&store, 3).await, [(0, 0), (5, 5), (0, 0)]);
        // The suite's server is not strict by itself.
        let long = user(json!({ "email": "x".repeat(100) }));
        assert!(store.update("username", &name, long).await.unwrap_err().to_string().contains("too long"));
    })
    .await;
}
