//! All users of a table, page by page.

use aigc_auth::user_sync::{LegacyField, LegacyStore};
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::sql::support::{Database, all, in_each};

/// `rows` rows, whose order of insertion is not that of their keys.
async fn fill(database: &Database, rows: usize) {
    database.run("CREATE TABLE users (id SERIAL, username varchar(50) UNIQUE NOT NULL)").await;
    let values: Vec<_> = (0..rows)
        .map(|row| {
            // 7 and 1,234 have no divisor in common: every number once.
            let row = row * 7 % rows + 1;
            format!("({}, 'user {row:05}')", row * 10)
        })
        .collect();
    database.run(&format!("INSERT INTO users (id, username) VALUES {}", values.join(", "))).await;
}

#[tokio::test]
async fn every_row_is_read_once_in_key_order() {
    in_each(|database| async move {
        fill(&database, 1_234).await;
        let columns = ["username"];
        let by_id = database.store("users", &columns, |builder| builder).await;
        let by_name = database.store("users", &columns, |builder| builder.key("username")).await;
        for (store, place) in [
            (&by_id, (|row| json!(row * 10)) as fn(usize) -> Value),
            (&by_name, |row| json!(format!("user {row:05}"))),
        ] {
            let expected: Vec<_> = (1..=1_234).map(|row| (place(row), format!("user {row:05}"))).collect();
            let seen = async |after| -> Vec<_> {
                let rows = all(store, after).await.into_iter();
                rows.map(|(place, row)| (place, row["username"].as_str().unwrap().to_owned())).collect()
            };
            assert_eq!(seen(None).await, expected);
            for after in [0, 1, 499, 500, 501, 1_000, 1_233, 1_234] {
                let rest = seen(Some(place(after))).await;
                assert_eq!(rest, expected[after..], "after {after}");
            }
            assert_eq!(store.count().await.unwrap(), Some(1_234));
        }
        // A place from a checkpoint file that was written by a store of another kind.
        assert_eq!(all(&by_id, Some(json!("12330"))).await.len(), 1);
        let wrong: Vec<_> = by_id.all(Some(json!("no number"))).collect().await;
        assert!(matches!(&wrong[..], [Err(_)]), "{wrong:?}");
    })
    .await;
}

#[tokio::test]
async fn concurrent_inserts_and_deletes_do_not_shift_pages() {
    in_each(|database| async move {
        fill(&database, 1_234).await;
        let store = database.store("users", &["username"], |builder| builder.max_connections(2)).await;
        let mut rows = store.all(None);
        let mut places = vec![];
        for _ in 0..600 {
            places.push(rows.try_next().await.unwrap().unwrap().0.as_u64().unwrap());
        }
        // Neither what is before shifts what is after, nor what is gone.
        database.run("INSERT INTO users (id, username) VALUES (5, 'before'), (11001, 'on a page to come'), (99999, 'last')").await;
        database.run("DELETE FROM users WHERE id = 20 OR id = 11500").await;
        // The store may be gone, too.
        drop(store);
        while let Some((place, _)) = rows.try_next().await.unwrap() {
            places.push(place.as_u64().unwrap());
        }
        let mut expected: Vec<_> = (1..=1_234).map(|row| row * 10).filter(|id| *id != 11_500).collect();
        expected.extend([11_001, 99_999]);
        expected.sort_unstable();
        assert_eq!(places, expected);
    })
    .await;
}

#[tokio::test]
async fn uuid_keys_page_and_null_keys_fail() {
    in_each(|database| async move {
        let key = database.choose("uuid NOT NULL UNIQUE", "uuid PRIMARY KEY", "binary(16) PRIMARY KEY");
        database.run(&format!("CREATE TABLE users (code {key}, username varchar(50) UNIQUE)")).await;
        let ids: Vec<_> = (0..1_100).map(|row| format!("00000000-0000-4000-8000-{row:012x}")).collect();
        let value = |id: &str| {
            database.choose(format!("'{id}'"), format!("'{id}'"), format!("x'{}'", id.replace('-', "")))
        };
        let values: Vec<_> = ids.iter().rev().map(|id| format!("({})", value(id))).collect();
        database.run(&format!("INSERT INTO users (code) VALUES {}", values.join(", "))).await;
        // Nobody is created, and so nothing has to fill the key.
        let names = || [LegacyField::from("username").read_only()];
        let store = database.store("users", &[], |builder| builder.key("code").columns(names())).await;
        let read = |id: &String| database.choose(id.clone(), id.clone(), id.replace('-', ""));
        let places: Vec<_> = all(&store, None).await.into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ids.iter().map(read).collect::<Vec<_>>());
        assert_eq!(all(&store, Some(json!(read(&ids[1_000])))).await.len(), 99);

        // Rows without a key would be lost without a word.
        let store = database.store("users", &[], |builder| builder.key("username").columns(names())).await;
        let none: Vec<_> = store.all(None).collect().await;
        let [Err(error)] = &none[..] else { panic!("{none:?}") };
        let why =
            "reading users from the table `users`: there are rows without a value in the key, `username`";
        assert_eq!(error.to_string(), why);
    })
    .await;
}

#[tokio::test]
async fn case_insensitive_keys_page_in_database_order() {
    in_each(|database| async move {
        if database.choose(false, true, false) {
            database.add_citext().await;
        }
        let key = database.choose("varchar(50) COLLATE NOCASE", "public.citext", "varchar(50)");
        database.run(&format!("CREATE TABLE users (username {key} NOT NULL UNIQUE)")).await;
        let name = |row: usize| format!("{} {row:04}", ["user", "USER", "uSer", "ÜSER"][row % 4]);
        let values: Vec<_> = (0..1_100).rev().map(|row| format!("('{}')", name(row))).collect();
        database.run(&format!("INSERT INTO users VALUES {}", values.join(", "))).await;
        let store = database.store("users", &["username"], |builder| builder.key("username")).await;
        let whole: Vec<_> = all(&store, None).await.into_iter().map(|(place, _)| place).collect();
        let mut sorted: Vec<_> = whole.iter().map(|place| place.as_str().unwrap().to_owned()).collect();
        let mut expected: Vec<_> = (0..1_100).map(name).collect();
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected);
        for after in [0, 498, 499, 500, 777, 1_098, 1_099] {
            let rest = all(&store, Some(whole[after].clone())).await;
            let rest: Vec<_> = rest.into_iter().map(|(place, _)| place).collect();
            assert_eq!(rest, whole[after + 1..], "after {after}");
        }
    })
    .await;
}

/// SQLite shows fifteen digits of a float, and MySQL compares one of four bytes as one of eight.
#[tokio::test]
async fn keys_that_do_not_come_back_end_the_reading() {
    in_each(|database| async move {
        let float = database.choose("real", "real", "float");
        database.run(&format!("CREATE TABLE users (at {float} NOT NULL PRIMARY KEY, name varchar(20))")).await;
        database.run("INSERT INTO users VALUES (0.1, 'a'), (0.30000000000000004, 'b')").await;
        let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
            builder.key("at").columns([LegacyField::from("name").read_only()])
        };
        let store = database.store("users", &[], configure).await;
        let rows: Vec<_> = store.all(None).take(50).collect().await;
        let failed = rows.iter().position(Result::is_err);
        if database.choose(false, true, false) {
            assert_eq!((rows.len(), failed), (2, None));
        } else {
            let why = "reading users from the table `users`: the key has values that do not come back as they are, such as \
                       floats, and cannot be read page by page: choose another column for SqlStoreBuilder::key";
            assert_eq!(failed, Some(rows.len() - 1), "{rows:?}");
            assert_eq!(rows.last().unwrap().as_ref().unwrap_err().to_string(), why);
        }
    })
    .await;
}
