//! What a seed file may have, and how its faults are told.

use aigc_auth::testing::AuthCenter;
use serde_json::json;

use crate::support::{Center, SEED, complaint, directory};

#[tokio::test]
async fn seed_in_json_is_the_same_as_in_toml() {
    let seed = json!({
        "apps": [{"id": "42", "secret": "test-secret"}],
        "groups": [{"code": "ops", "id": 3, "name": "Operations"}],
        "users": [{
            "username": "alice", "id": 7, "nickname": "Alice", "email": "alice@example.com", "roles": ["editor"],
            "permissions": ["report:read"], "groups": ["ops"], "is_admin": true,
        }],
        "tokens": [{"token": "token", "user": "alice"}],
        "access_keys": [{"key": "ak_alice", "type": "user", "user": "alice"}, {"key": "ak_all", "type": "global"}],
    });
    let json = Center::start_in("--seed seed.json", directory("seed.json", &seed.to_string())).await;
    let toml = Center::start("").await;
    let (one, other) = (json.client(), toml.client());
    let alice = one.user_info("token").await.unwrap();
    assert_eq!(alice, other.user_info("token").await.unwrap());
    assert_eq!(alice.groups()[0].name(), Some("Operations"));
    for client in [one, other] {
        assert_eq!(client.verify_access_key("ak_alice").await.unwrap().username.as_deref(), Some("alice"));
    }
}

const TOML_FAULTS: [(&str, &str); 31] = [
    // Secrets are not shown.
    (
        "[[users]]\nusername = \"a\"\npassword = \" hush\"\n",
        "line 3, column 12: invalid value: spaces at its ends",
    ),
    ("[[apps]]\nid = \"1\"\nsecret = \"hush\\n\"\n", "line 3, column 10: invalid value: spaces at its ends"),
    ("[[users]]\nusername = \"a\\u001b[31m\"\n", "line 2, column 12: invalid value: control characters"),
    (
        "[[users]]\nusername = \"a\"\nid = \"7\"\n[[users]]\nusername = \"b\"\nid = 7",
        "line 4, column 1: duplicate user id `7`",
    ),
    // The id that is made of the name `a`.
    (
        "[[users]]\nusername = \"a\"\n[[users]]\nusername = \"b\"\nid = 555641997",
        "line 3, column 1: duplicate user id",
    ),
    (
        "[[users]]\nusername = \"a\"\nid = \"\"\n",
        "line 3, column 6: invalid value: string \"\", expected an id",
    ),
    (
        "[[users]]\nusername = \"a\"\nid = 1.5\n",
        "line 3, column 6: invalid type: floating point `1.5`, expected an id",
    ),
    (
        "[[users]]\nusername = \"a\"\nid = 9223372036854775808\n",
        "line 3, column 6: invalid value: integer `9223372036854775808`, expected an id",
    ),
    (
        "[[groups]]\ncode = \"a\"\nid = 7\n[[groups]]\ncode = \"b\"\nid = 7\n",
        "line 4, column 1: duplicate group id `7`: the first is at line 1",
    ),
    (
        "[[users]]\nusername = \"a\"\n[[tokens]]\ntoken = \"ak_hush\"\nuser = \"a\"\n",
        "line 3, column 1: a token does not start with `ak_`",
    ),
    (
        "[[users]]\nusername = \"a\"\n[[tokens]]\ntoken = \"hush甲\"\nuser = \"a\"\n",
        "line 3, column 1: a token has letters beyond ASCII",
    ),
    ("[[apps]]\nid = \"甲\"\n", "line 1, column 1: the id of an app has letters beyond ASCII"),
    (
        "[[apps]]\nid = \"1\"\nsecret = \"hush甲\"\n",
        "line 1, column 1: the secret of an app has letters beyond ASCII",
    ),
    ("[[access_keys]]\nkey = \"ak_1\"\ntype = \"app\"\napp = \"x\"\n", "line 1, column 1: unknown app `x`"),
    (
        "[[apps]]\nid = \"1\"\nredirect_uris = [\"http://u:p@a/\"]\n",
        "line 1, column 1: expected a redirect URI such as",
    ),
    (
        "[[users]]\nusername = \"alice\"\npermision = []\n",
        "line 3, column 1: unknown field `permision`, expected one of",
    ),
    ("[[user]]\n", "line 1, column 3: unknown field `user`"),
    (
        "[[users]]\nusername = \"a\"\n\n[[users]]\nusername = \"a\"\n",
        "line 4, column 1: duplicate user `a`: the first is at line 1, column 1",
    ),
    (
        "[[users]]\nusername = \"a\"\nid = 7\n[[users]]\nusername = \"b\"\nid = 7",
        "line 4, column 1: duplicate user id `7`",
    ),
    (
        "[[users]]\nusername = \"a\"\npermissions = [\"report:read\", 7]\n",
        "line 3, column 31: invalid type: integer `7`, expected a text such as \"report:read\"",
    ),
    ("[[users]]\nusername = \"a\"\npermissions = [\"\"]\n", "line 3, column 16: invalid value: string \"\""),
    (
        "[[users]]\nusername = \"a\"\npermissions = \"report:read\"\n",
        "line 3, column 15: invalid type: string",
    ),
    ("[[users]]\nnickname = \"a\"\n", "line 1, column 1: missing field `username`"),
    ("[[users]]\nusername = \"甲\" x\n", "line 2, column 16: "),
    ("[[tokens]]\ntoken = \"t\"\nuser = \"nobody\"\n", "line 1, column 1: unknown user `nobody`"),
    (
        "[[users]]\nusername = \"a\"\n[[tokens]]\ntoken = \"t\"\nuser = \"a\"\napp = \"x\"\n",
        "line 3, column 1: unknown app `x`",
    ),
    (
        "[[users]]\nusername = \"a\"\n[[tokens]]\ntoken = \"hush\"\nuser = \"a\"\n[[tokens]]\ntoken = \"hush\"\nuser = \"a\"\n",
        "line 6, column 1: duplicate token: the first is at line 3",
    ),
    (
        "[[access_keys]]\nkey = \"x\"\ntype = \"global\"\n",
        "line 1, column 1: an access key starts with `ak_`",
    ),
    (
        "[[access_keys]]\nkey = \"ak_x\"\ntype = \"user\"\n",
        "line 1, column 1: a key of type `user` has `user`",
    ),
    ("[[access_keys]]\nkey = \"ak_x\"\ntype = \"team\"\n", "line 3, column 8: unknown variant `team`"),
    (
        "[[apps]]\nid = \"1\"\nredirect_uris = [\"javascript:x\"]\n",
        "line 1, column 1: expected a redirect URI",
    ),
];

const JSON_FAULTS: [(&str, &str); 10] = [
    ("[]", "line 1, column 1: expected an object with `users` and so on, found an array"),
    ("null", "line 1, column 4: invalid type: null, expected an object"),
    (
        "{\"users\": [\n  {\"username\": \"a\", \"permision\": []}\n]}",
        "line 2, column 31: unknown field `permision`",
    ),
    ("{\"user\": []}", "line 1, column 7: unknown field `user`"),
    (
        "{\"users\": [\n  {\"username\": \"a\"},\n  {\"username\": \"a\"}\n]}",
        "line 3, column 3: duplicate user `a`: the first is at line 2, column 3",
    ),
    (
        "{\"users\": [{\"username\": \"a\",\n \"permissions\": [\"甲:x\",\n  7]}]}",
        "line 3, column 3: invalid type: integer `7`",
    ),
    ("{\"users\": [\n\n{\"nickname\": \"a\"}]}", "line 3, column 17: missing field `username`"),
    ("{\"users\": [}", "line 1, column 12: expected value"),
    ("{\"users\": {}}", "line 1, column 10: invalid type: map, expected a sequence"),
    ("", "line 1, column 1: EOF while parsing a value"),
];

#[tokio::test]
async fn faults_of_a_seed_are_told_with_line_and_column() {
    let toml = TOML_FAULTS.iter().map(|row| ("seed.toml", row));
    for (name, (text, expected)) in toml.chain(JSON_FAULTS.iter().map(|row| ("seed.json", row))) {
        let said = complaint(&format!("--seed {name}"), &directory(name, text)).await;
        let expected = format!("aigc-auth-center: {name}, {expected}");
        assert!(said.starts_with(&expected), "{text}\nsaid:     {said}\nexpected: {expected}");
        assert!(!said.contains("hush"), "{said}");
    }
}

/// As editors of Windows write them, and without what a center needs; and text that is none.
#[tokio::test]
async fn seed_is_read_as_it_was_saved() {
    let toml = "\u{feff}[[users]]\r\nusername = \"a\"\r\n[[tokens]]\r\ntoken = \"t\"\r\nuser = \"a\"\r\n";
    let json =
        "\u{feff}{\"users\": [{\"username\": \"a\"}], \"tokens\": [{\"token\": \"t\", \"user\": \"a\"}]}";
    for (name, text) in [("seed.toml", toml), ("seed.json", json)] {
        let center = Center::start_in(&format!("--seed {name}"), directory(name, text)).await;
        assert_eq!(
            center.client().user_info("t").await.unwrap().username(),
            "a",
            "the token is the only app's"
        );
    }
    let latin = directory("seed.toml", "");
    std::fs::write(latin.0.join("seed.toml"), b"[[users]]\nusername = \"caf\xe9\"\n").unwrap();
    let said = complaint("--seed seed.toml", &latin).await;
    assert_eq!(said, "aigc-auth-center: seed.toml, line 2, column 16: expected UTF-8");
}

/// Groups that get their ids take none of the file's, and the order is kept.
#[tokio::test]
async fn groups_have_ids_of_their_own() {
    let seed = "[[groups]]\ncode = \"a\"\n[[groups]]\ncode = \"b\"\nid = 1\n[[groups]]\ncode = \"c\"\nid = 10\n[[groups]]\ncode = \"d\"\n";
    let kept = directory("seed.toml", seed);
    let (seed, state) = (kept.0.join("seed.toml"), kept.0.join("state"));
    let arguments = format!("--seed {} --state {}", seed.display(), state.display());
    for name in ["dave", "erin"] {
        let center = Center::start_in(&arguments, directory("x", "")).await;
        let groups = center.client().list_groups().await.unwrap();
        let groups: Vec<_> = groups
            .iter()
            .map(|group| (group.code().unwrap(), group.id().unwrap().as_i64().unwrap()))
            .collect();
        assert_eq!(groups, [("a", 11), ("b", 1), ("c", 10), ("d", 12)]);
        // Waits for the state file.
        center.change("POST", &format!("/api/users/{name}"), json!({})).await;
        center.example.signal("KILL");
        center.example.ended().await;
        std::fs::write(&seed, "").unwrap();
    }
}

/// The table of faults is no use where a seed without them is refused, too; and the center of tests takes what it has.
#[tokio::test]
async fn seed_without_faults_starts() {
    let center = Center::start("").await;
    let (status, state) = center.api("GET", "/api/state", None).await;
    assert_eq!(status, 200);
    let rows = |table: &str| state["tables"][table].as_array().unwrap().len();
    assert_eq!(["apps", "users", "tokens", "access_keys", "groups", "configs"].map(rows), [2, 3, 3, 1, 1, 1]);
    let text = state.to_string();
    assert!(!text.contains("correct horse") && !text.contains("pkcs8"), "{text}");
    let again = AuthCenter::start().await;
    for row in state["tables"]["users"].as_array().unwrap() {
        again.restore_row("users", row["key"].as_str().unwrap(), row["value"].clone()).unwrap();
    }
    assert_eq!(again.users().len(), SEED.matches("[[users]]").count());
}
