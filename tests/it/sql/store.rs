//! Users in tables: what goes in comes out, in every database alike.

use aigc_auth::user_sync::{BytesAs, LegacyStore, NewPassword, OnDelete, PasswordHash};
use serde_json::{Value, json};

use crate::sql::support::{all, in_each, json as shown, no_password, user};

#[tokio::test]
async fn values_round_trip() {
    in_each(|database| async move {
        let types = database.choose(
            "flag boolean, small smallint, big bigint, price numeric(12, 2), ratio real, born date, seen datetime, \
             code uuid, bin blob, extra json, list text",
            "flag boolean, small smallint, big bigint, price numeric(12, 2), ratio double precision, born date, \
             seen timestamptz, code uuid, bin bytea, extra jsonb, list varchar(20)[]",
            "flag boolean, small smallint, big bigint, price decimal(12, 2), ratio double, born date, \
             seen datetime(6), code char(36), bin varbinary(16), extra json, list text",
        );
        database.run(&format!("CREATE TABLE users (id SERIAL, name varchar(50) UNIQUE, {types})")).await;
        let columns = [
            "name", "flag", "small", "big", "price", "ratio", "born", "seen", "code", "bin", "extra", "list",
        ];
        let store = database.store("users", &columns, |builder| builder.bytes(["bin"], BytesAs::Hex)).await;

        let seen = database.choose(
            "2024-02-29 12:34:56.789012",
            "2024-02-29T12:34:56.789012+00:00",
            "2024-02-29 12:34:56.789012",
        );
        // MariaDB has JSON as text.
        let (extra, list) = (json!({"a": [1, null, "é🎉"]}), json!(["a", "b\"\\{},", ""]));
        let text = |value: &Value| Value::String(value.to_string());
        let rows = [
            json!({
                "name": "full", "flag": true, "small": -7, "big": 9_007_199_254_740_993_i64, "price": 12.5, "ratio": 0.1,
                "born": "1999-12-31", "seen": seen, "code": "6d5e9a08-3f5c-4b6e-9d7a-0d4c2b1a0f9e",
                "bin": "00ff7f", "extra": extra, "list": list,
            }),
            json!({ "name": "empty" }),
            json!({ "name": "least", "flag": false, "small": 0, "big": i64::MIN, "bin": "", "extra": extra, "list": null }),
            json!({ "name": "most", "flag": null, "big": i64::MAX, "price": "9999999999.99", "extra": null, "list": [] }),
            json!({ "name": "other", "flag": 1, "small": "12", "price": -3, "ratio": 1e300, "code": null }),
        ];
        for row in rows {
            store.create(user(row.clone()), no_password()).await.unwrap_or_else(|error| panic!("{row}: {error}"));
            let found = shown(store.find("name", &row["name"]).await.unwrap().unwrap());
            assert_eq!(found.as_object().unwrap().len(), columns.len());
            for column in columns {
                let value = row.get(column).cloned().unwrap_or_default();
                let expected = match (column, value) {
                    (_, Value::Null) => Value::Null,
                    ("flag", flag) => json!(flag == json!(true) || flag == json!(1)),
                    ("small", Value::String(number)) => json!(number.parse::<i64>().unwrap()),
                    ("price", Value::String(number)) => json!(number.parse::<f64>().unwrap()),
                    ("price", price) if database.choose(false, true, true) => json!(price.as_f64()),
                    ("extra", extra) => database.choose(extra.clone(), extra.clone(), text(&extra)),
                    ("list", list) => database.choose(text(&list), list.clone(), text(&list)),
                    (_, value) => value,
                };
                assert_eq!(found[column], expected, "{column} of {row}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn unusual_texts_and_names_round_trip() {
    in_each(|database| async move {
        // Names with quotes of all kinds, and with what is a place elsewhere.
        let (table, odd) = ("us\"er`s", "we\"ird `col` $1 ? 'é'");
        let create = format!(
            "CREATE TABLE {} (id SERIAL, username varchar(50) NOT NULL UNIQUE, {} text)",
            database.quoted(table),
            database.quoted(odd)
        );
        database.run(&create).await;
        let store = database.store(table, &["username", odd], |builder| builder).await;
        let long = "长".repeat(10_000);
        let texts = [
            "",
            " ",
            "O'Brien",
            "\"",
            "`",
            "\\",
            "\\'; DROP TABLE users; --",
            "%_",
            "$1 ?1 :a @b",
            "🎉👩‍👩‍👧‍👦",
            "e\u{301}",
            "العربية",
            "\n\r\t\u{1}\u{7f}",
            "null",
            "{\"a\": 1}",
            "0x41",
            "1e5",
            " x ",
            &long,
        ];
        for (number, text) in texts.iter().enumerate() {
            let row = json!({ "username": format!("user {number}"), odd: text });
            store.create(user(row.clone()), no_password()).await.unwrap();
            let found = store.find("username", &row["username"]).await.unwrap().unwrap();
            assert_eq!(shown(found), row);
        }
        let found: Vec<_> = all(&store, None).await.into_iter().map(|(_, row)| row[odd].clone()).collect();
        assert!(found == texts.map(Value::from), "in their order");
        // As names, too, which users are found by.
        for text in texts.iter().filter(|text| text.chars().count() <= 50) {
            let name = json!(text);
            store.create(user(json!({ "username": name, odd: "before" })), no_password()).await.unwrap();
            assert!(
                store.update("username", &name, user(json!({ odd: "after" }))).await.unwrap(),
                "{text:?}"
            );
            let found = store.find("username", &name).await.unwrap().unwrap();
            assert_eq!((&found["username"], &found[odd]), (&name, &json!("after")));
            assert!(store.remove("username", &name).await.unwrap());
            assert!(!store.remove("username", &name).await.unwrap());
            assert!(!store.update("username", &name, user(json!({ odd: "later" }))).await.unwrap());
            assert_eq!(store.find("username", &name).await.unwrap(), None);
        }
        assert_eq!(store.count().await.unwrap(), Some(texts.len() as u64));
    })
    .await;
}

#[tokio::test]
async fn oversized_value_is_rejected_not_truncated() {
    in_each(|database| async move {
        let limit = database.choose("CHECK (length(username) <= 50)", "", "");
        let create = format!(
            "CREATE TABLE users (id SERIAL, username varchar(50) NOT NULL UNIQUE {limit}, code char(3), age integer, \
             flag boolean)"
        );
        database.run(&create).await;
        let store = database.store("users", &["username", "code", "age", "flag"], |builder| builder).await;
        store.create(user(json!({ "username": "x".repeat(50), "code": "a" })), no_password()).await.unwrap();
        store.create(user(json!({ "username": "taken", "code": "abc" })), no_password()).await.unwrap();

        for (row, why) in [
            (json!({ "username": "x".repeat(51) }), "username"),
            (json!({ "username": "a\0b" }), "the value for `username` has a NUL character"),
            (json!({ "username": "a", "age": "many" }), "the value for `age` is a text of another kind"),
            (json!({ "username": "a", "age": 1.5 }), "the value for `age` is a number of another kind"),
            (json!({ "username": "a", "flag": "yes" }), "the value for `flag` is a text of another kind"),
            (json!({ "username": "a", "age": [1] }), "the value for `age` is an array"),
            (json!({ "username": null }), "username"),
            (json!({ "username": "taken" }), "taken"),
            (json!({ "username": "a", "nickname": "b" }), "`nickname` is not among the columns"),
            (json!({ "username": "a", "id": 1 }), "`id` is not among the columns"),
        ] {
            let error = store.create(user(row.clone()), no_password()).await.unwrap_err().to_string();
            assert!(error.starts_with("creating a user in the table `users`: "), "{error}");
            // What is long is PostgreSQL's own words, and what is taken names the index there.
            let why = database.choose(why, if why == "username" || why == "taken" { "" } else { why }, why);
            assert!(error.contains(why) || why == "taken" && error.contains("username"), "{row}: {error}");
        }
        assert_eq!(database.count("users").await, 2);
        if database.choose(false, true, true) {
            let error = store.update("username", &json!("taken"), user(json!({ "code": "abcd" }))).await;
            assert!(error.is_err(), "char(3) was given 4");
        }
        assert_eq!(store.find("username", &json!("taken")).await.unwrap().unwrap()["code"], "abc");
        for nul in [json!("\0"), json!(["\0"])] {
            assert!(store.find("username", &nul).await.is_err());
            assert!(store.update("username", &json!("taken"), user(json!({ "code": nul }))).await.is_err());
            assert!(store.remove("username", &nul).await.is_err());
        }
        let hash = NewPassword::Hashed("a\0".into());
        let stored = database.store("users", &["username"], |builder| builder.password_column("code")).await;
        assert!(stored.create(user(json!({ "username": "b" })), hash).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn similar_usernames_are_distinct() {
    in_each(|database| async move {
        database.run("CREATE TABLE users (id SERIAL, username varchar(50) UNIQUE, note text)").await;
        let store = database.store("users", &["username", "note"], |builder| builder).await;
        store.create(user(json!({ "username": "jose", "note": "1" })), no_password()).await.unwrap();
        store.create(user(json!({ "username": "42nd", "note": "1" })), no_password()).await.unwrap();
        for (other, like) in [("josé", "jose"), ("Jose", "jose"), ("jose ", "jose"), ("42", ""), ("0", ""), ("", "")] {
            let other = json!(other);
            let found = store.find("username", &other).await;
            // What MariaDB takes for the same is another row's.
            match database.choose("", "", like) {
                "" => assert_eq!(found.unwrap(), None, "{other}"),
                like => {
                    let why = format!(
                        "finding a user in the table `users`: the column `username` takes {other} for \"{like}\", the user \
                         of another row"
                    );
                    assert_eq!(found.unwrap_err().to_string(), why);
                }
            }
            assert!(
                !store.update("username", &other, user(json!({ "note": "2" }))).await.unwrap(),
                "{other}"
            );
            assert!(!store.remove("username", &other).await.unwrap(), "{other}");
        }
        // Which the database may refuse, and says so.
        let stored = store.create(user(json!({ "username": "josé", "note": "2" })), no_password()).await;
        assert_eq!(stored.is_ok(), database.choose(true, true, false), "{stored:?}");
        let found = store.find("username", &json!("jose")).await.unwrap().unwrap();
        assert_eq!(found["note"], "1");
    })
    .await;
}

#[tokio::test]
async fn ambiguous_rows_are_not_changed() {
    in_each(|database| async move {
        database.run("CREATE TABLE users (id SERIAL, username varchar(50), note text)").await;
        database.run("INSERT INTO users (username, note) VALUES ('a', '1'), ('a', '2'), ('b', '3')").await;
        let store = database.store("users", &["username", "note"], |builder| builder).await;
        let name = json!("a");
        let found = store.find("username", &name).await.unwrap_err().to_string();
        assert!(found.ends_with("more than one row has this value in `username`"), "{found}");
        let changed = store.update("username", &name, user(json!({ "note": "4" }))).await.unwrap_err();
        assert!(changed.to_string().ends_with("2 rows have this value, and none was changed"), "{changed}");
        assert!(store.remove("username", &name).await.is_err());
        assert_eq!(database.count("users WHERE username = 'a' AND note IN ('1', '2')").await, 2);
    })
    .await;
}

#[tokio::test]
async fn delete_removes_or_flags_user() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE users (id SERIAL, username varchar(50) UNIQUE, is_active boolean NOT NULL DEFAULT true, \
                 state varchar(10), hash varchar(100) DEFAULT 'kept'); \
                 INSERT INTO users (username, is_active, state) VALUES ('a', true, 'on'), ('b', true, 'on')",
            )
            .await;
        let columns = ["username", "state"];
        let set = |column: &str, value: Value| OnDelete::set(column, value);
        let flag = set("is_active", false.into());
        let store = database.store("users", &columns, |builder| builder.on_delete(flag)).await;
        assert!(store.remove("username", &json!("a")).await.unwrap());
        // However often.
        assert!(store.remove("username", &json!("a")).await.unwrap());
        assert!(!store.remove("username", &json!("c")).await.unwrap());
        assert_eq!(database.count("users WHERE NOT is_active").await, 1);
        assert_eq!(database.count("users WHERE state = 'on' AND hash = 'kept'").await, 2);

        let state = set("state", "gone".into());
        let store = database.store("users", &columns, |builder| builder.on_delete(state)).await;
        assert!(store.remove("username", &json!("b")).await.unwrap());
        assert_eq!(database.count("users WHERE state = 'gone' AND is_active").await, 1);

        let store = database.store("users", &columns, |builder| builder).await;
        assert!(store.remove("username", &json!("b")).await.unwrap());
        assert_eq!(database.count("users").await, 1);
    })
    .await;
}

#[tokio::test]
async fn password_is_hashed_on_create_only() {
    in_each(|database| async move {
        database
            .run("CREATE TABLE users (id SERIAL, username varchar(50) UNIQUE, email text, hash varchar(100))")
            .await;
        let columns = ["username", "email"];
        let store = database.store("users", &columns, |builder| builder.password_column("hash")).await;
        let create = async |name: &str, password| {
            store.create(user(json!({ "username": name, "email": "e" })), password).await
        };
        create("plain", NewPassword::Plain("密码 🔑".into())).await.unwrap();
        create("hashed", NewPassword::Hashed("$2b$12$as it is".into())).await.unwrap();
        let error = create("long", NewPassword::Plain("x".repeat(73).into())).await.unwrap_err();
        assert_eq!(error.to_string(), "the password has 73 bytes, and bcrypt takes 72");

        let hash = database.text("hash", "users WHERE username = 'plain'").await.unwrap();
        assert!(bcrypt::verify("密码 🔑", &hash).unwrap());
        assert_eq!(
            database.text("hash", "users WHERE username = 'hashed'").await.unwrap(),
            "$2b$12$as it is"
        );
        assert_eq!(database.count("users").await, 2);

        let rows = all(&store, None).await;
        assert_eq!(rows[0].1["hash"], json!(hash));
        assert!(!format!("{rows:?} {store:?}").contains(&hash));

        assert!(store.update("username", &json!("plain"), user(json!({ "email": "f" }))).await.unwrap());
        let refused =
            store.update("username", &json!("plain"), user(json!({ "email": "g", "hash": "h" }))).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("`hash` is not among the columns"), "{refused}");
        assert_eq!(database.count(&format!("users WHERE email = 'f' AND hash = '{hash}'")).await, 1);

        let store = database
            .store("users", &columns, |builder| builder.password_column("hash").hash(PasswordHash::argon2()))
            .await;
        store.create(user(json!({ "username": "argon2" })), NewPassword::Plain("密码".into())).await.unwrap();
        let hash = database.text("hash", "users WHERE username = 'argon2'").await.unwrap();
        use argon2::password_hash::{PasswordVerifier, phc};
        let hash = phc::PasswordHash::new(&hash).unwrap();
        argon2::Argon2::default().verify_password("密码".as_bytes(), &hash).unwrap();

        let store = database.store("users", &columns, |builder| builder).await;
        store.create(user(json!({ "username": "without" })), NewPassword::Plain("p".into())).await.unwrap();
        assert_eq!(database.text("hash", "users WHERE username = 'without'").await, None);
    })
    .await;
}

#[tokio::test]
async fn hash_column_may_be_binary() {
    in_each(|database| async move {
        let bytes = database.choose("blob", "bytea", "varbinary(100)");
        database.run(&format!("CREATE TABLE users (id SERIAL, username varchar(50), hash {bytes})")).await;
        let store = database.store("users", &["username"], |builder| builder.password_column("hash")).await;
        let hash = NewPassword::Hashed("$2b$12$abc".into());
        store.create(user(json!({ "username": "a" })), hash).await.unwrap();
        assert_eq!(database.text("length(hash)", "users").await.unwrap(), "10");
        assert_eq!(all(&store, None).await[0].1["hash"], "$2b$12$abc");
    })
    .await;
}

/// The server is not: it would cut the text, and the shorter one is nobody else's.
#[tokio::test]
async fn mysql_is_strict_from_the_first_insertion() {
    in_each(|database| async move {
        if database.choose(true, true, false) {
            return;
        }
        database.run("CREATE TABLE users (id SERIAL, username varchar(50), code char(3))").await;
        let store = database.store("users", &["username", "code"], |builder| builder).await;
        let row = user(json!({ "username": "ada", "code": "abcd" }));
        let error = store.create(row, no_password()).await.unwrap_err().to_string();
        assert!(error.contains("Data too long for column 'code'"), "{error}");
        assert_eq!(database.count("users").await, 0);
    })
    .await;
}
