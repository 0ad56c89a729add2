//! Columns of every type that tables of users have: what is read, written, found, compared.

use aigc_auth::user_sync::{BytesAs, LegacyStore, OnDelete, SqlStoreBuilder};
use serde_json::{Value, json};

use crate::sql::support::{Database, all, in_each, no_password, user};

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Sqlite,
    Postgres,
    MySql,
}

/// A column of the type, in a row that the application wrote in SQL; and the value of another row.
struct Cell {
    place: Place,
    column_type: &'static str,
    sql: &'static str,
    read: Value,
    other: Value,
}

impl Cell {
    async fn check(self) {
        let cell = &self;
        in_each(|database| async move {
            if database.choose(Place::Sqlite, Place::Postgres, Place::MySql) == cell.place {
                cell.check_in(&database).await;
            }
        })
        .await;
    }

    async fn check_in(&self, database: &Database) {
        let Self { column_type, sql, read, other, .. } = self;
        if self.place == Place::Postgres {
            database.add_citext().await;
            database
                .run(
                    "CREATE TYPE \"Kind of user\" AS ENUM ('admin', 'it''s'); CREATE DOMAIN short AS varchar(3); \
                     CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
                )
                .await;
        }
        database
            .run(&format!(
                "CREATE TABLE users (id SERIAL, name varchar(20) NOT NULL UNIQUE, cell {column_type}); \
                 INSERT INTO users (name, cell) VALUES ('theirs', {sql}), ('none', NULL)"
            ))
            .await;
        let is_bytes = ["blob", "bytea", "binary(16)", "varbinary(16)"].contains(column_type);
        let store = async |configure: &dyn Fn(SqlStoreBuilder) -> SqlStoreBuilder| {
            let bytes = |builder: SqlStoreBuilder| match is_bytes {
                true => builder.bytes(["cell"], BytesAs::Hex),
                false => builder,
            };
            database.store("users", &["name", "cell"], |builder| bytes(configure(builder))).await
        };
        let users = store(&|builder| builder).await;
        let cell_of =
            async |name: &str| users.find("name", &json!(name)).await.unwrap().unwrap()["cell"].clone();
        assert_eq!((cell_of("theirs").await, cell_of("none").await), (read.clone(), Value::Null));
        // Their row is found by the value, and ours has the same in it.
        let found = users.find("cell", read).await.unwrap().unwrap();
        assert_eq!(found["name"], "theirs");
        users.create(user(json!({ "name": "ours", "cell": read })), no_password()).await.unwrap();
        assert_eq!(cell_of("ours").await, *read);
        let same = "users a JOIN users b ON a.name = 'theirs' AND b.name = 'ours' AND CAST(a.cell AS TYPE) = CAST(b.cell AS TYPE)";
        assert_eq!(database.count(&same.replace("TYPE", database.choose("blob", "text", "char"))).await, 1);
        // Updated, emptied, and found by what it is then.
        for value in [other, &Value::Null, other] {
            assert!(users.update("name", &json!("ours"), user(json!({ "cell": value }))).await.unwrap());
            assert_eq!(cell_of("ours").await, *value);
        }
        let found = users.find("cell", other).await.unwrap().unwrap();
        assert_eq!(found["name"], "ours");
        // As a condition, and as what says who is removed.
        let names = |rows: Vec<(Value, aigc_auth::user_sync::LegacyUser)>| -> Vec<Value> {
            rows.into_iter().map(|(_, row)| row["name"].clone()).collect()
        };
        let only = store(&|builder| builder.only("cell", read.clone())).await;
        assert_eq!(names(all(&only, None).await), ["theirs"]);
        let except = store(&|builder| builder.except("cell", read.clone())).await;
        assert_eq!(names(all(&except, None).await), ["none", "ours"]);
        let flagged =
            store(&|builder| builder.on_delete(OnDelete::set("cell", read.clone()).restore(other.clone())))
                .await;
        let marked = |name: &str, cell: &Value| user(json!({ "name": name, "cell": cell }));
        let theirs = marked("theirs", read).removed_by("cell", Some(other.clone()));
        assert_eq!(flagged.find("name", &json!("theirs")).await.unwrap(), Some(theirs));
        assert_eq!(flagged.find("name", &json!("ours")).await.unwrap(), Some(marked("ours", other)));
        assert!(flagged.remove("name", &json!("ours")).await.unwrap());
        assert_eq!(cell_of("ours").await, *read);
    }
}

/// `name: place, type, value in SQL, the same in JSON, another in JSON;`
macro_rules! cells {
    ($($name:ident: $place:ident, $type:literal, $sql:literal, $read:expr, $other:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let (read, other) = (json!($read), json!($other));
            Cell { place: Place::$place, column_type: $type, sql: $sql, read, other }.check().await;
        }
    )*};
}

cells! {
    postgresql_boolean: Postgres, "boolean", "true", true, false;
    postgresql_smallint: Postgres, "smallint", "-1", -1, 1;
    postgresql_bigint: Postgres, "bigint", "9007199254740993", 9_007_199_254_740_993_i64, 0;
    postgresql_numeric: Postgres, "numeric", "1.1", 1.1, "123456789012345678901234567890.5";
    postgresql_numeric_with_scale: Postgres, "numeric(12, 2)", "1.10", 1.1, 12.5;
    postgresql_double: Postgres, "double precision", "0.1", 0.1, 2.5;
    postgresql_real: Postgres, "real", "0.1", 0.1, 2.5;
    postgresql_varchar: Postgres, "varchar(10)", "'é 🎉'", "é 🎉", "";
    postgresql_char: Postgres, "char(5)", "'ab'", "ab", "cd";
    postgresql_text: Postgres, "text", "'ab '", "ab ", "ab";
    postgresql_citext: Postgres, "public.citext", "'Ada'", "Ada", "Bob";
    postgresql_name: Postgres, "name", "'ada'", "ada", "bob";
    postgresql_uuid: Postgres, "uuid", "'6D5E9A08-3F5C-4B6E-9D7A-0D4C2B1A0F9E'",
        "6d5e9a08-3f5c-4b6e-9d7a-0d4c2b1a0f9e", "00000000-0000-4000-8000-000000000001";
    postgresql_enum: Postgres, "\"Kind of user\"", "'it''s'", "it's", "admin";
    postgresql_domain_of_text: Postgres, "short", "'abc'", "abc", "b";
    postgresql_domain_of_numbers: Postgres, "positive", "7", 7, 8;
    postgresql_inet: Postgres, "inet", "'192.0.2.1/24'", "192.0.2.1/24", "2001:db8::1";
    postgresql_macaddr: Postgres, "macaddr", "'08:00:2B:01:02:03'", "08:00:2b:01:02:03", "00:00:00:00:00:01";
    postgresql_timestamptz: Postgres, "timestamptz", "'2024-02-29 12:34:56.789+02'",
        "2024-02-29T10:34:56.789+00:00", "2020-01-01T00:00:00+00:00";
    postgresql_timestamp: Postgres, "timestamp(0)", "'2024-02-29 12:34:56'", "2024-02-29T12:34:56", "2020-01-01T00:00:00";
    postgresql_date: Postgres, "date", "'2024-02-29'", "2024-02-29", "1970-01-01";
    postgresql_time: Postgres, "time", "'12:34:56'", "12:34:56", "00:00:00";
    postgresql_interval: Postgres, "interval", "'1 day 2 hours'", "1 day 02:00:00", "00:00:01";
    postgresql_bit: Postgres, "bit(3)", "B'101'", "101", "000";
    postgresql_array: Postgres, "text[]", "ARRAY['a,b', '\"', NULL]", json!(["a,b", "\"", null]), json!([]);
    postgresql_jsonb: Postgres, "jsonb", "'{\"b\": [1], \"a\": null}'", json!({ "a": null, "b": [1] }), json!([]);
    postgresql_json: Postgres, "json", "'{\"b\":1}'", json!({ "b": 1 }), json!("text");
    postgresql_bytea: Postgres, "bytea", "'\\x00FF'", "00ff", "";
    postgresql_money: Postgres, "money", "12.5", "$12.50", "$0.01";

    mysql_boolean: MySql, "boolean", "true", true, false;
    mysql_tinyint_1: MySql, "tinyint(1)", "1", true, false;
    mysql_tinyint_1_with_another_number: MySql, "tinyint(1)", "-1", -1, true;
    mysql_tinyint: MySql, "tinyint", "-128", -128, 127;
    mysql_tinyint_unsigned: MySql, "tinyint(3) unsigned", "255", 255, 0;
    mysql_mediumint: MySql, "mediumint", "8388607", 8_388_607, -1;
    mysql_int_unsigned: MySql, "int unsigned", "4294967295", u32::MAX, 0;
    mysql_int_zerofill: MySql, "int(8) unsigned zerofill", "42", 42, 0;
    mysql_bigint_unsigned: MySql, "bigint unsigned", "18446744073709551615", u64::MAX, 0;
    mysql_bit_1: MySql, "bit(1)", "b'1'", true, false;
    mysql_bit_8: MySql, "bit(8)", "b'11111111'", 255, 0;
    mysql_decimal: MySql, "decimal(12, 2)", "1.10", 1.1, 12.5;
    mysql_double: MySql, "double", "0.1", 0.1, 2.5;
    mysql_varchar: MySql, "varchar(10)", "'é 🎉'", "é 🎉", "";
    mysql_varchar_latin1: MySql, "varchar(10) CHARACTER SET latin1", "'é'", "é", "ÿ";
    mysql_varchar_bin: MySql, "varchar(10) COLLATE utf8mb4_bin", "'Ada'", "Ada", "ada";
    mysql_char: MySql, "char(5)", "'ab'", "ab", "cd";
    mysql_text: MySql, "longtext", "'a'", "a", "b";
    mysql_enum: MySql, "enum('admin', 'it''s')", "'it''s'", "it's", "admin";
    mysql_set: MySql, "set('read', 'write', 'own')", "'own,read'", "read,own", "";
    mysql_date: MySql, "date", "'2024-02-29'", "2024-02-29", "1970-01-01";
    mysql_datetime: MySql, "datetime", "'2024-02-29 12:34:56'", "2024-02-29 12:34:56", "1970-01-01 00:00:00";
    mysql_datetime_6: MySql, "datetime(6)", "'2024-02-29 12:34:56.7'", "2024-02-29 12:34:56.700000",
        "1970-01-01 00:00:00.000000";
    mysql_timestamp: MySql, "timestamp NULL", "'2024-02-29 12:34:56'", "2024-02-29 12:34:56", "2020-01-01 00:00:00";
    mysql_time: MySql, "time", "'12:34:56'", "12:34:56", "00:00:00";
    mysql_year: MySql, "year", "1999", 1999, 2024;
    mysql_binary: MySql, "binary(16)", "x'00000000000000000000000000000001'",
        "00000000000000000000000000000001", "ffffffffffffffffffffffffffffffff";
    mysql_varbinary: MySql, "varbinary(16)", "x'00FF'", "00ff", "";

    sqlite_integer: Sqlite, "integer", "9007199254740993", 9_007_199_254_740_993_i64, 0;
    sqlite_boolean: Sqlite, "BOOLEAN", "1", true, false;
    sqlite_tinyint_1: Sqlite, "TINYINT(1)", "1", true, false;
    sqlite_bigint_unsigned: Sqlite, "BIGINT UNSIGNED", "7", 7, 0;
    sqlite_real: Sqlite, "REAL", "0.1", 0.1, 2.5;
    sqlite_decimal: Sqlite, "DECIMAL(10, 2)", "1.10", 1.1, 12;
    sqlite_text: Sqlite, "TEXT", "'é 🎉'", "é 🎉", "";
    sqlite_varchar: Sqlite, "VARCHAR(10)", "'42'", "42", "042";
    sqlite_char_32: Sqlite, "char(32)", "'6d5e9a083f5c4b6e9d7a0d4c2b1a0f9e'", "6d5e9a083f5c4b6e9d7a0d4c2b1a0f9e", "0";
    sqlite_uuid: Sqlite, "uuid", "'6d5e9a08-3f5c-4b6e-9d7a-0d4c2b1a0f9e'", "6d5e9a08-3f5c-4b6e-9d7a-0d4c2b1a0f9e", "x";
    sqlite_datetime: Sqlite, "DATETIME", "'2024-02-29 12:34:56.789012'", "2024-02-29 12:34:56.789012",
        "1970-01-01 00:00:00";
    sqlite_time_as_a_number: Sqlite, "TIMESTAMP", "1709210096", 1_709_210_096, 0;
    sqlite_json: Sqlite, "JSON", "'{\"a\":1}'", json!({ "a": 1 }), json!([]);
    sqlite_blob: Sqlite, "blob", "x'00FF'", "00ff", "";
    sqlite_without_a_type: Sqlite, "", "'7'", "7", 7;
}
