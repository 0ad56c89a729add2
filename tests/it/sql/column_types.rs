//! Types that only one of the databases has.

use aigc_auth::user_sync::{BytesAs, LegacyStore, SqlStore};
use serde_json::{Value, json};

use crate::sql::support::{in_each, no_password, user};

/// Puts each value into its column of an otherwise empty row, and looks at what comes back; or at why it did not go in.
async fn there_and_back(store: &SqlStore, cases: &[(&str, Value, Result<Value, &str>)]) {
    for (number, (column, value, expected)) in cases.iter().enumerate() {
        let name = json!(number);
        let row = user(json!({ "name": name, *column: value }));
        let created = store.create(row, no_password()).await;
        match (created, expected) {
            (Ok(()), Ok(expected)) => {
                let found = store.find("name", &name).await.unwrap().unwrap();
                assert_eq!(found[*column], *expected, "{column}: {value}");
                // Written once more, as it was read; and found by it.
                let again = user(json!({ *column: expected }));
                assert!(store.update("name", &name, again).await.unwrap(), "{column}: {value}");
                let found = store.find("name", &name).await.unwrap().unwrap();
                assert_eq!(found[*column], *expected, "{column}: {value}, again");
                store.remove("name", &name).await.unwrap();
            }
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{column}: {value}: {error}"),
            (created, _) => panic!("{column}: {value}: {created:?}"),
        }
    }
}

#[tokio::test]
async fn postgresql_types_round_trip() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        database.add_citext().await;
        database
            .run(
                "CREATE TYPE \"user's state\" AS ENUM ('on', 'o\"ff'); \
                 CREATE DOMAIN short AS varchar(3); CREATE DOMAIN shorter AS short CHECK (VALUE <> 'no'); \
                 CREATE TABLE users (id SERIAL, name varchar(50) UNIQUE, state \"user's state\", who public.citext UNIQUE, \
                 code shorter, letters char(3), bits bit(3), bit bit, at timestamp, day date, span interval, address inet, \
                 numbers int[], exact numeric, small smallint, single real, plain json, double varchar(3)[])",
            )
            .await;
        let columns = [
            "name", "state", "who", "code", "letters", "bits", "bit", "at", "day", "span", "address", "numbers", "exact", "small",
            "single", "plain", "double",
        ];
        let store = database.store("users", &columns, |builder| builder).await;
        let same = |value: Value| (value.clone(), Ok(value));
        let cases = [
            ("state", same(json!("o\"ff"))),
            ("state", (json!("away"), Err("invalid input value for enum"))),
            ("who", same(json!("Ada"))),
            ("code", same(json!("abc"))),
            // A cast to the domain would cut them.
            ("code", (json!("abcd"), Err("too long"))),
            ("code", (json!("no"), Err("violates check constraint"))),
            ("letters", same(json!("a"))),
            ("letters", same(json!("abc"))),
            ("letters", (json!("abcd"), Err("too long"))),
            ("bits", same(json!("101"))),
            ("bits", (json!("1011"), Err("length 4"))),
            ("bit", (json!(true), Ok(json!("1")))),
            ("bit", (json!(false), Ok(json!("0")))),
            ("bit", (json!(1), Ok(json!("1")))),
            ("at", (json!("2024-02-29 01:02:03"), Ok(json!("2024-02-29T01:02:03")))),
            ("at", (json!("soon"), Err("invalid input syntax"))),
            ("day", same(json!("2024-02-29"))),
            ("span", same(json!("1 day 02:00:00"))),
            ("address", same(json!("192.0.2.1"))),
            ("numbers", same(json!([1, null, -3]))),
            ("numbers", (json!(1), Err("`numbers` is a number"))),
            ("double", same(json!(["a,b", "\"\\{"]))),
            ("double", same(json!([]))),
            ("exact", same(json!("123456789012345678901234567890.5"))),
            ("exact", (json!("1.50"), Ok(json!(1.5)))),
            ("exact", same(json!(7))),
            ("exact", (json!(true), Ok(json!(1)))),
            ("exact", (json!("007"), Err("zeros or a sign"))),
            ("exact", same(json!("NaN"))),
            ("small", (json!(40_000), Err("out of range"))),
            ("single", same(json!(0.1))),
            ("plain", same(json!("a \"text\""))),
            ("plain", same(json!({ "a": [1, { "b": null }] }))),
            ("plain", (json!({ "a": "\0" }), Err("NUL character"))),
        ];
        let cases: Vec<_> = cases.into_iter().map(|(column, (value, back))| (column, value, back)).collect();
        there_and_back(&store, &cases).await;

        store.create(user(json!({ "name": "a", "who": "Ada" })), no_password()).await.unwrap();
        assert!(store.find("who", &json!("Ada")).await.unwrap().is_some());
        let found = store.find("who", &json!("ada")).await.unwrap_err().to_string();
        assert!(found.ends_with("the column `who` takes \"ada\" for \"Ada\", the user of another row"), "{found}");
        store.create(user(json!({ "name": "b", "who": "ada" })), no_password()).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn mysql_types_round_trip() {
    in_each(|database| async move {
        if database.choose(true, true, false) {
            return;
        }
        database
            .run(
                "CREATE TABLE users (id SERIAL, name varchar(50) UNIQUE, state enum('on', 'o''ff'), bits bit(1), \
                 byte bit(8), tiny tinyint, big bigint unsigned, born year, at timestamp(3) NULL, exact decimal(40, 10), \
                 latin varchar(50) CHARACTER SET latin1, old varchar(50) CHARACTER SET utf8mb3, \
                 same varchar(50) COLLATE utf8mb4_bin, letters char(3), picture mediumblob)",
            )
            .await;
        let columns = [
            "name", "state", "bits", "byte", "tiny", "big", "born", "at", "exact", "latin", "old", "same", "letters",
            "picture",
        ];
        let store = database.store("users", &columns, |builder| builder.bytes(["picture"], BytesAs::Hex)).await;
        let same = |value: Value| (value.clone(), Ok(value));
        let cases = [
            ("state", same(json!("o'ff"))),
            ("state", (json!("away"), Err("is not one of"))),
            ("state", (json!(1), Err("is not one of"))),
            ("bits", same(json!(true))),
            ("bits", same(json!(false))),
            ("byte", same(json!(200))),
            ("tiny", (json!(true), Ok(json!(1)))),
            ("tiny", (json!(128), Err("Out of range"))),
            ("big", same(json!(u64::MAX))),
            ("big", (json!(-1), Err("Out of range"))),
            ("born", same(json!(1999))),
            ("at", same(json!("2024-02-29 01:02:03.456"))),
            ("at", (json!("soon"), Err("Incorrect"))),
            // As the auth center writes times.
            ("at", (json!("2024-02-29T01:02:03Z"), Ok(json!("2024-02-29 01:02:03.000")))),
            ("at", (json!("2024-02-29T01:02:03.456+08:00"), Ok(json!("2024-02-28 17:02:03.456")))),
            ("exact", (json!(true), Ok(json!(1.0)))),
            ("exact", same(json!("123456789012345678901234567890.5000000001"))),
            ("latin", same(json!("é ÿ"))),
            ("latin", (json!("用户"), Err("Incorrect string value"))),
            ("old", same(json!("用户"))),
            ("old", (json!("🎉"), Err("Incorrect string value"))),
            ("same", same(json!("🎉"))),
            ("letters", (json!("abcd"), Err("too long"))),
            ("picture", same(json!("00ff".repeat(5_000)))),
            ("picture", (json!("0g"), Err("a text of another kind"))),
        ];
        let cases: Vec<_> = cases.into_iter().map(|(column, (value, back))| (column, value, back)).collect();
        there_and_back(&store, &cases).await;
        store.create(user(json!({ "name": "a", "latin": "é" })), no_password()).await.unwrap();
        assert!(store.find("latin", &json!("é")).await.unwrap().is_some());
        let found = store.find("latin", &json!("e")).await.unwrap_err().to_string();
        assert!(found.ends_with("the column `latin` takes \"e\" for \"é\", the user of another row"), "{found}");
    })
    .await;
}

#[tokio::test]
async fn sqlite_types_round_trip() {
    in_each(|database| async move {
        if database.choose(false, true, true) {
            return;
        }
        database.run("CREATE TABLE users (id SERIAL, name text UNIQUE COLLATE NOCASE, anything, flag tinyint(1), number int)").await;
        let store = database.store("users", &["name", "anything", "flag", "number"], |builder| builder).await;
        let cases: Vec<_> = [json!("text"), json!(7), json!(1.5), json!(""), json!("7"), Value::Null]
            .into_iter()
            .map(|value| ("anything", value.clone(), Ok(value)))
            .collect();
        there_and_back(&store, &cases).await;
        // Whatever the type says, a row may have something else there.
        database
            .run("INSERT INTO users (name, anything, flag, number) VALUES ('a', x'00ff', 7, 'many'), ('b', 9e999, 'x', x'6a')")
            .await;
        let found = async |name: &str| serde_json::Map::from(store.find("name", &json!(name)).await.unwrap().unwrap());
        assert_eq!(json!(found("a").await), json!({ "name": "a", "anything": "00ff", "flag": 7, "number": "many" }));
        assert_eq!(json!(found("b").await), json!({ "name": "b", "anything": "9.0e+999", "flag": "x", "number": "6a" }));
        let found = store.find("name", &json!("A")).await.unwrap_err().to_string();
        assert!(found.ends_with("the column `name` takes \"A\" for \"a\", the user of another row"), "{found}");
    })
    .await;
}
