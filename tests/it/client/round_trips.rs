//! Random users, as an auth center of each dialect writes them and a token's claims carry them, and as they are read.

use aigc_auth::claims::ClaimsMapping;
use aigc_auth::testing::{AuthCenter, Dialect};
use aigc_auth::user::{Codes, FeishuIds, UserGroup, UserInfoBuilder};
use aigc_auth::{UserId, UserInfo};
use serde_json::{Map, Value, json};

use crate::support::{client, random};

/// Letters of all kinds, those that JSON escapes among them.
fn text(random: &mut fastrand::Rng) -> String {
    let odd = ['"', '\\', '/', '\n', '\u{7f}', 'é', '爱', '🦀', '\u{202e}', '\u{feff}', '<'];
    let letter = |random: &mut fastrand::Rng| match random.u8(..5) {
        0 => odd[random.usize(..odd.len())],
        1 => random.char(..),
        _ => random.alphanumeric(),
    };
    // No white space at an end, and no NUL.
    let inner: String =
        (0..random.usize(..10)).map(|_| letter(random)).filter(|letter| *letter != '\0').collect();
    format!("{}{inner}{}", random.alphanumeric(), random.alphanumeric())
}

fn texts(random: &mut fastrand::Rng) -> Vec<String> {
    let mut texts: Vec<_> = (0..random.usize(..5)).map(|_| text(random)).collect();
    texts.sort();
    texts.dedup();
    texts
}

fn maybe(random: &mut fastrand::Rng) -> Option<String> {
    random.bool().then(|| text(random))
}

/// What every dialect has.
fn user(random: &mut fastrand::Rng, n: usize) -> UserInfoBuilder {
    let id =
        if random.bool() { UserId::from(n as i64) } else { UserId::from(format!("{}-{n}", text(random))) };
    let mut user = UserInfo::builder(id, format!("{}-{n}", text(random)));
    type Set = fn(UserInfoBuilder, String) -> UserInfoBuilder;
    let setters: [Set; 7] = [
        UserInfoBuilder::nickname,
        UserInfoBuilder::email,
        UserInfoBuilder::phone,
        UserInfoBuilder::avatar,
        UserInfoBuilder::department,
        UserInfoBuilder::company,
        |user, _| user.status("active"),
    ];
    for set in setters {
        user = maybe(random).into_iter().fold(user, set);
    }
    user.admin(random.bool()).roles(texts(random)).permissions(texts(random))
}

fn group(random: &mut fastrand::Rng) -> UserGroup {
    let group = UserGroup::new(text(random)).with_id(random.i64(1..1_000));
    maybe(random).into_iter().fold(group, UserGroup::with_name)
}

fn feishu(random: &mut fastrand::Rng) -> FeishuIds {
    let ids = FeishuIds::new().with_open_id(text(random));
    maybe(random).into_iter().fold(ids, FeishuIds::with_union_id)
}

#[tokio::test]
async fn users_of_each_dialect_are_read_as_they_were_written() {
    let rounds = std::env::var("AIGC_AUTH_LONG").map_or(150, |_| 1_500);
    let mut random = random();
    for dialect in [Dialect::V1_1_53, Dialect::V1_1_54, Dialect::V1_1_59] {
        let center = AuthCenter::builder().dialect(dialect).start().await;
        let client = client(&center);
        let mut all = vec![];
        for n in 0..rounds {
            let mut user = user(&mut random, n);
            if dialect != Dialect::V1_1_53 {
                user = user.groups((0..random.usize(..3)).map(|_| group(&mut random)).collect::<Vec<_>>());
            }
            if dialect == Dialect::V1_1_59 && random.bool() {
                user = user.feishu(feishu(&mut random));
            }
            let user = user.build();
            center.add_user(user.clone());
            let token = format!("token-{n}");
            center.add_token(&*token, user.username());
            let read = client.user_info(&token).await.unwrap();
            assert_eq!(read, user, "{dialect:?}");
            all.push(user);
        }
        let ids = all.iter().map(|user| user.id().clone());
        let found = client.batch_users_by_ids(ids).await.unwrap();
        for (found, user) in found.iter().zip(&all) {
            let found = found.as_ref().unwrap();
            assert_eq!((found.id(), found.username()), (user.id(), user.username()), "{dialect:?}");
        }
    }
}

#[test]
fn users_are_read_from_the_claims_that_carry_them() {
    let rounds = std::env::var("AIGC_AUTH_LONG").map_or(2_000, |_| 20_000);
    let mut random = random();
    for _ in 0..rounds {
        let [roles, permissions, groups] = [(); 3].map(|()| texts(&mut random));
        let (id, name, nickname) = (text(&mut random), text(&mut random), maybe(&mut random));
        // At the top, or below an object whose name has what a pointer escapes.
        let outer = random.bool().then(|| format!("a/b~{}", random.alphanumeric()));
        let mut inner = json!({"who": id, "login": name, "r": roles, "p": permissions, "g": groups});
        if let Some(nickname) = &nickname {
            inner["nick"] = json!(nickname);
        }
        let (claims, at): (Map<String, Value>, _) = match &outer {
            None => (inner.as_object().unwrap().clone(), String::new()),
            Some(outer) => {
                let pointer = outer.replace('~', "~0").replace('/', "~1");
                (Map::from_iter([(outer.clone(), inner)]), format!("/{pointer}/"))
            }
        };
        let place = |name: &str| format!("{at}{name}");
        let user = ClaimsMapping::new()
            .subject_claim(place("who"))
            .username_claim(place("login"))
            .nickname_claim(place("nick"))
            .roles_claim(place("r"))
            .permissions_claim(place("p"))
            .groups_claim(place("g"))
            .admin_role("admin")
            .map(&claims)
            .unwrap()
            .build();
        assert_eq!((user.id(), user.username()), (&UserId::from(id), &*name), "{claims:?}");
        assert_eq!(user.nickname(), nickname.as_deref(), "{claims:?}");
        let codes = |codes: &Codes| codes.iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!((codes(user.roles()), codes(user.permissions())), (roles, permissions), "{claims:?}");
        let read: Vec<_> = user.groups().iter().map(|group| group.code().unwrap().to_owned()).collect();
        assert_eq!(read, groups, "{claims:?}");
    }
}
