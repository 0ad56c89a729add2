use super::model::Seed;
use super::toml;
use crate::random;

/// What a center has that nobody has told what to have.
const THREE_USERS: &str = r#"
[[apps]]
id = "1000"
name = "Local app"
redirect_uris = ["http://127.0.0.1:3000/callback", "http://localhost:3000/callback", "http://localhost:5173/callback"]
post_logout_redirect_uris = ["http://127.0.0.1:3000/", "http://localhost:3000/", "http://localhost:5173/"]

[[groups]]
code = "ops"
name = "Operations"

[[users]]
username = "alice"
nickname = "Alice"
roles = ["editor"]
permissions = ["report:read", "article:edit"]
groups = ["ops"]

[[users]]
username = "bob"
nickname = "Bob"

[[users]]
username = "root"
nickname = "Root"
is_admin = true
"#;

/// Three users, with tokens and an access key that are new with each start: texts that everybody knows would open the services
/// that trust this center.
pub(crate) fn three_users() -> Seed {
    let mut text = THREE_USERS.to_owned();
    for user in ["alice", "bob", "root"] {
        text += &format!("[[tokens]]\ntoken = \"{user}-{}\"\nuser = \"{user}\"\n", random::text());
    }
    text += &format!("[[access_keys]]\nkey = \"ak_{}\"\ntype = \"user\"\nuser = \"alice\"\n", random::text());
    toml::parse(&text).expect("the seed of this program is well-formed")
}
