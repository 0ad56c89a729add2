//! Stores that cannot start say why, and nothing of the password.

use std::time::{Duration, Instant};

use aigc_auth::user_sync::{
    LegacyStore, LegacyUser, NewPassword, OnDelete, PasswordHash, SqlStore, SqlStoreBuilder,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::sql::support::{all, in_each};
use crate::support::{Log, until_async};

#[tokio::test]
async fn mismatched_table_fails_with_reason() {
    in_each(|database| async move {
        database.run("CREATE TABLE users (id SERIAL, username varchar(50) UNIQUE, email text, age integer)").await;
        let table = |table: &str| SqlStore::builder(table).columns(["username"]);
        let users = || table("users");
        database.run("CREATE TABLE numbered (number SERIAL, username text)").await;
        let cases: [(SqlStoreBuilder, &str); 14] = [
            (
                table("numbered"),
                "the table `numbered` has no column `id` (the default key: SqlStoreBuilder::key names another column)",
            ),
            (table("nobody"), "the database has no table `nobody`, or does not show it"),
            (
                table("no.users"),
                database.choose(
                    "cannot look up the columns of the table `no.users`: unknown database 'no'",
                    "the database has no table `no.users`, or does not show it",
                    "the database has no table `no.users`, or does not show it",
                ),
            ),
            (users().columns(["username", "mail"]), "the table `users` has no column `mail`"),
            (users().columns(["Username"]), "the table `users` has no column `Username`; it has `username`"),
            (users().key("no"), "the table `users` has no column `no`"),
            (users().password_column("hash"), "the table `users` has no column `hash`"),
            (users().password_column("age"), "the column `age` of the table `users` cannot hold a hash"),
            (users().on_delete(OnDelete::set("gone", true)), "the table `users` has no column `gone`"),
            (
                users().on_delete(OnDelete::set("age", "old")),
                "table `users`, OnDelete: the value for `age` is a text of another kind, which the column cannot hold",
            ),
            (
                users().key("age"),
                "the table `users` may have the same value in `age` twice: choose a column for SqlStoreBuilder::key \
                 that has a unique index of its own",
            ),
            (SqlStore::builder("users"), "table `users`: no columns are configured (SqlStoreBuilder::columns)"),
            (
                users().password_column("username"),
                "table `users`: the column `username` is the password's, and must not be among the columns: updates \
                 would overwrite it",
            ),
            (users().hash(PasswordHash::bcrypt(40)), "bcrypt's cost is 40, and must be from 4 to 31"),
        ];
        for (builder, why) in cases {
            let shown = format!("{builder:?}");
            let error = builder.connect(database.url()).await.unwrap_err().to_string();
            assert_eq!(error, why, "{shown}");
        }

        let in_schema = format!("{}.users", database.schema());
        let store = database.store(&in_schema, &["username"], |builder| builder).await;
        assert!(all(&store, None).await.is_empty());
        // Which of a view's columns are unique is unknown.
        database.run("CREATE VIEW people AS SELECT id AS number, username AS login FROM users").await;
        let store = database.store("people", &["login"], |builder| builder.key("number")).await;
        assert_eq!(store.find("login", &json!("a")).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn unreachable_database_fails_without_password() {
    let free = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = silent.local_addr().unwrap().port();
    let secret = "hunter2";
    let mut cases = vec![];
    for scheme in ["postgres", "mysql"] {
        let at = |port: u16| format!("{scheme}://me:{secret}@127.0.0.1:{port}/db");
        cases.extend([
            (at(free), "refused"),
            (at(mute), "no connection within 500ms"),
            (format!("{scheme}://me:{secret}@host:port/db"), "cannot be read"),
            (format!("{scheme}://me:{secret}@host/db?sslmode={secret}&ssl-mode={secret}"), "cannot be read"),
        ]);
    }
    cases.extend([
        (format!("oracle://me:{secret}@host/db"), "must begin with postgres://"),
        (secret.to_owned(), "must begin with postgres://"),
        ("sqlite:///no/such/file.db".to_owned(), "unable to open database file"),
        (format!("sqlite://file?mode={secret}"), "cannot be read"),
    ]);
    for (url, why) in cases {
        let begun = Instant::now();
        let builder = SqlStore::builder("users").columns(["username"]).timeout(Duration::from_millis(500));
        let error = builder.connect(&url).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(10), "{url}");
        for said in [error.to_string(), format!("{error:?}")] {
            assert!(
                said.starts_with("cannot connect to the database of the table `users`: "),
                "{url}: {said}"
            );
            assert!(said.contains(why) && !said.contains(secret), "{url}: {said}");
        }
    }
}

/// As MySQL 8 does without TLS, until its cache has the password.
#[tokio::test]
async fn mysql_rsa_password_without_tls_fails_with_hint() {
    let greeting = b"\n8.0.18\0\x19\0\0\0\x114aB0c\x06g\0\xff\xf7\xff\x02\0\xff\xc7\x15\0\0\0\0\0\0\0\0\0\0tL\x03s\x0f[4\rl4. \0\
        caching_sha2_password\0";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mysql://me:hunter2@{}/db", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        // Its user and the hash; its wish for the key; nothing more.
        for (number, packet) in [(0, &greeting[..]), (2, b"\x01\x04"), (4, b"\x01a key")] {
            let length = u8::try_from(packet.len()).unwrap();
            client.write_all(&[&[length, 0, 0, number], packet].concat()).await.unwrap();
            let _ = client.read(&mut [0; 1024]).await.unwrap();
        }
    });
    let error = SqlStore::builder("users").columns(["username"]).connect(&url).await.unwrap_err();
    server.await.unwrap();
    assert_eq!(
        error.to_string(),
        "cannot connect to the database of the table `users`: without TLS, the database takes this user's password only \
         encrypted by RSA: connect over TLS, or enable the feature `mysql-rsa` of sqlx 0.9"
    );
}

#[tokio::test]
async fn errors_and_logs_hide_passwords() {
    in_each(|database| async move {
        if database.choose(true, false, false) {
            // Has none.
            return;
        }
        let (before, after) = database.url().split_once('@').unwrap();
        let before = before.rsplit_once(':').unwrap().0;
        let url = format!("{before}:hunter2@{after}");
        let logs = Log::start();
        let error = SqlStore::builder("users").columns(["username"]).connect(&url).await.unwrap_err();
        let said = format!("{error:?}");
        assert!(said.contains("suite") && !said.contains("hunter2"), "{said}");
        // Nor are the values that statements are given.
        database.run("CREATE TABLE users (id SERIAL, username varchar(50), hash varchar(10))").await;
        let store = database.store("users", &["username"], |builder| builder.password_column("hash")).await;
        let hash = NewPassword::Hashed("hunter2 is too long".into());
        let user = LegacyUser::from_iter([("username", "ada")]);
        let said = store.create(user, hash).await.unwrap_err().to_string();
        assert!(!said.contains("hunter2"), "{said}");
        let said = logs.take();
        assert!(
            said.contains("INSERT INTO") && !said.contains("hunter2") && !said.contains("secret"),
            "{said}"
        );
    })
    .await;
}

#[tokio::test]
async fn sqlite_file_is_not_created_without_mode_rwc() {
    let file = std::env::temp_dir().join(format!("aigc-auth-{}-no.db", std::process::id()));
    let url = format!("sqlite://{}", file.display());
    SqlStore::builder("users").columns(["username"]).connect(&url).await.unwrap_err();
    assert!(!file.exists());
    let asked = SqlStore::builder("users").columns(["username"]).connect(format!("{url}?mode=rwc")).await;
    assert_eq!(asked.unwrap_err().to_string(), "the database has no table `users`, or does not show it");
    std::fs::remove_file(file).unwrap();
}

/// Between a store and its server, until it is cut.
async fn proxy(url: &str) -> (String, tokio::task::AbortHandle) {
    let (before, rest) = url.split_once('@').unwrap();
    let (server, after) = rest.split_once('/').unwrap();
    let (server, listener) = (server.to_owned(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let url = format!("{before}@{}/{after}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut pipes = tokio::task::JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = tokio::net::TcpStream::connect(&server).await.unwrap();
            pipes.spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    (url, task.abort_handle())
}

#[tokio::test]
async fn broken_connection_is_replaced() {
    in_each(|database| async move {
        if database.choose(true, false, false) {
            // Has none.
            return;
        }
        database.run("CREATE TABLE users (id SERIAL, username varchar(50))").await;
        let (url, server) = proxy(database.url()).await;
        let builder = SqlStore::builder("users").columns(["username"]).timeout(Duration::from_secs(2));
        let store = builder.connect(&url).await.unwrap();
        assert_eq!(store.count().await.unwrap(), Some(0));
        server.abort();
        let name = json!("a");
        for _ in 0..2 {
            let begun = Instant::now();
            let said = store.find("username", &name).await.unwrap_err().to_string();
            assert!(begun.elapsed() < Duration::from_secs(10));
            assert!(said.starts_with("finding a user in the table `users`: "), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
        // The next ones find it again.
        let (url, server) = proxy(database.url()).await;
        let builder = SqlStore::builder("users").columns(["username"]).max_connections(1);
        let store = builder.timeout(Duration::from_secs(1)).connect(&url).await.unwrap();
        let lock = database.choose(
            "",
            "LOCK TABLE users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3)",
            "DO SLEEP(3)",
        );
        let locked = database.choose("", "BEGIN; {} ; COMMIT", "LOCK TABLES users WRITE; {}; UNLOCK TABLES");
        let locked = locked.replace("{}", lock);
        let waiting = async {
            // It is answered until the lock is there.
            let mut said = String::new();
            until_async("the table is locked", async || match store.count().await {
                Ok(count) => {
                    assert_eq!(count, Some(0));
                    false
                }
                Err(error) => {
                    said = error.to_string();
                    true
                }
            })
            .await;
            said
        };
        let (said, ()) = tokio::join!(waiting, database.run(&locked));
        assert!(said.ends_with("no answer of the database within 1s"), "{said}");
        assert_eq!(store.count().await.unwrap(), Some(0), "and its connection was given up");
        server.abort();
    })
    .await;
}
