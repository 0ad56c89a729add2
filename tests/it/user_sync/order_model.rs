//! Whatever the order of events and logins, and however often they come, the table ends as the auth center says.

use std::time::Duration;

use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::user_sync::UserSync;
use aigc_auth::webhook::{self, WebhookConfig};
use aigc_auth::{AuthClient, UserInfo};
use axum::Router;
use axum::body::Body;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::client;
use crate::user_sync::events::hook;
use crate::user_sync::support::{Store, config_that_asks};
use crate::webhook::support::{SECRET, signed, standard};

const STORIES: u64 = 2_000;
const WORLDS: u64 = 50;

/// A service with its table, and its auth center. Stories are told in it one after another.
struct World<'a> {
    center: &'a AuthCenter,
    store: Store,
    sync: UserSync,
    app: Router,
}

/// A user of the auth center, and what is still on its way to the service about them.
struct Story<'a> {
    world: &'a World<'a>,
    random: fastrand::Rng,
    name: String,
    /// The user as the auth center has them.
    user: Option<UserInfo>,
    pending: Vec<Delivery>,
    /// Users of the same name so far, and events.
    counts: (i64, u64),
    /// Each event with a `webhook-id`, or none.
    has_ids: bool,
    /// What happened, for the message of a failure.
    told: Vec<String>,
}

#[derive(Clone)]
enum Delivery {
    Event { id: Option<String>, body: String },
    Login(UserInfo),
}

impl<'a> World<'a> {
    fn new(center: &'a AuthCenter, client: &AuthClient) -> Self {
        let store = Store::new();
        // The auth center of this test stores a change before it tells of it.
        let config = config_that_asks().await_login().recheck_after(Duration::ZERO);
        let sync = UserSync::new(client.clone(), store.clone(), config).unwrap();
        let app = webhook::router(WebhookConfig::new(SECRET).unwrap(), hook(&sync));
        Self { center, store, sync, app }
    }
}

impl<'a> Story<'a> {
    fn new(world: &'a World<'_>, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let (name, has_ids) = (format!("user-{seed}"), random.bool());
        Self { world, random, name, has_ids, user: None, pending: vec![], counts: (0, 0), told: vec![] }
    }

    /// Something happens at the auth center, which tells of it.
    fn happen(&mut self) {
        let Some(user) = self.user.clone() else {
            self.counts.0 += 1;
            let id = self.counts.0 * 10_000 + self.name[5..].parse::<i64>().unwrap() % 10_000;
            let user = testing::user(&*self.name).id(id).email(self.email()).build();
            return self.change("user.created", Some(user), &[]);
        };
        let is_active = user.status() != Some("disabled");
        match self.random.u8(..5) {
            0 => {
                let user = user.to_builder().email(self.email()).build();
                self.change("user.updated", Some(user), &["email"]);
            }
            1 | 2 => {
                let status = if is_active { "disabled" } else { "active" };
                let user = user.to_builder().status(status).build();
                self.change("user.updated", Some(user), &["status"]);
            }
            3 => self.change("user.deleted", None, &[]),
            _ if is_active => {
                self.pending.push(Delivery::Login(user.clone()));
                self.change("user.login", Some(user), &[]);
            }
            _ => self.happen(),
        }
    }

    /// One of two, so that states return.
    fn email(&mut self) -> &'static str {
        if self.random.bool() { "a@x" } else { "b@x" }
    }

    fn change(&mut self, event: &str, user: Option<UserInfo>, fields: &[&str]) {
        match &user {
            Some(user) => self.world.center.add_user(user.clone()),
            None => self.world.center.remove_user(&self.name),
        }
        let then = user.as_ref().or(self.user.as_ref()).unwrap();
        let data = json!({
            "id": then.id(), "username": then.username(), "email": then.email(),
            "status": then.status().unwrap_or("active"), "updatedFields": fields,
        });
        self.user = user;
        self.counts.1 += 1;
        let id = self.has_ids.then(|| format!("msg_{}_{}", self.name, self.counts.1));
        let body = json!({ "event": event, "data": data }).to_string();
        self.told.push(format!("    {body}"));
        let copies = [1, 1, 2, 3][self.random.usize(..4)];
        self.pending.extend(vec![Delivery::Event { id, body }; copies]);
    }

    /// One or two of what is on its way arrive.
    async fn arrive(&mut self) {
        let mut arriving = vec![];
        for _ in 0..self.random.usize(1..=2).min(self.pending.len()) {
            arriving.push(self.pending.swap_remove(self.random.usize(..self.pending.len())));
        }
        let fails = self.random.u8(..8);
        if let Some(call) = ["find", "create", "update", "remove"].get(usize::from(fails)) {
            // Whoever logs in is verified again, which this test does not wait for.
            if arriving.iter().all(|delivery| matches!(delivery, Delivery::Event { .. })) {
                self.world.store.fail(call);
                self.told.push(format!("{call} fails"));
            }
        }
        let answers = join_all(arriving.iter().map(|delivery| self.deliver(delivery))).await;
        self.world.store.recover();
        for (delivery, (is_handled, what)) in arriving.into_iter().zip(answers) {
            self.told.push(what);
            if !is_handled {
                self.pending.push(delivery);
            }
        }
    }

    /// Delivers, and returns whether it was handled, and how.
    async fn deliver(&self, delivery: &Delivery) -> (bool, String) {
        let (id, body) = match delivery {
            Delivery::Event { id, body } => (id, body),
            Delivery::Login(user) => {
                self.world.sync.on_login(user.clone()).await;
                return (true, format!("login of {:?}", user.id()));
            }
        };
        let headers = id.as_ref().map_or_else(|| signed(body), |id| standard(id, 0, body));
        let mut request = Request::post("/webhook/auth");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body.clone())).unwrap();
        let response = self.world.app.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let answer = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(status == 200 || status == 500, "{status} {answer:?}");
        (status == 200, format!("{status} {} for {body}", String::from_utf8_lossy(&answer)))
    }

    /// What the table has to be.
    fn expected(&self) -> Value {
        let row = |user: &UserInfo| {
            let is_active = user.status() != Some("disabled");
            json!({"login": user.username(), "mail": user.email(), "is_active": is_active})
        };
        self.user.iter().map(row).collect()
    }

    fn rows(&self) -> Value {
        let mut rows = self.world.store.rows();
        for row in rows.as_array_mut().unwrap() {
            row.as_object_mut().unwrap().retain(|name, _| ["login", "mail", "is_active"].contains(&&**name));
        }
        rows.as_array_mut().unwrap().retain(|row| row["login"] == self.name);
        rows
    }
}

/// Tells a story to its end. Returns the number of events.
async fn tell(world: &World<'_>, seed: u64) -> u64 {
    let mut story = Story::new(world, seed);
    for _ in 0..story.random.usize(3..=7) {
        story.happen();
        // Some arrive at once, some much later.
        while !story.pending.is_empty() && story.random.u8(..3) == 0 {
            story.arrive().await;
        }
    }
    while !story.pending.is_empty() {
        story.arrive().await;
    }
    assert_eq!(story.rows(), story.expected(), "SEED={seed}\n{}", story.told.join("\n"));
    story.counts.1
}

/// `SEED` tells the stories from that one on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_ends_as_auth_center_says_in_any_order() {
    let given = test_support::seed::given();
    let first = given.unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("SEED={first}");
    let center = AuthCenter::start().await;
    let client = client(&center);
    let tell_all = |number: u64| {
        let (center, client) = (&center, &client);
        async move {
            let (world, mut events) = (World::new(center, client), 0);
            for seed in (first..first + STORIES).skip(number as usize).step_by(WORLDS as usize) {
                events += tell(&world, seed).await;
            }
            events
        }
    };
    let told = stream::iter(0..WORLDS).map(tell_all).buffer_unordered(16);
    let events: u64 = told.fold(0, |sum, events| async move { sum + events }).await;
    assert!(events >= 3 * STORIES, "{events}");
    println!("{events} events, {} calls", center.calls("/users/batch"));
}
