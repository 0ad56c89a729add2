//! One request, and what came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use test_support::http::{Answer, head, parse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::soak::ledger::Bill;
use crate::soak::tally::Class;
use crate::soak::windows::Part;
use crate::soak::world::World;

/// Longer than a request may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

pub(in crate::soak) struct Question<'a> {
    pub(in crate::soak) class: Class,
    pub(in crate::soak) replica: usize,
    pub(in crate::soak) method: &'a str,
    pub(in crate::soak) path: &'a str,
    pub(in crate::soak) credential: Option<&'a str>,
    pub(in crate::soak) headers: Vec<(&'a str, String)>,
    pub(in crate::soak) body: &'a str,
    /// Whether the path is one whose requests are recorded.
    pub(in crate::soak) is_recorded: bool,
}

impl<'a> Question<'a> {
    pub(in crate::soak) fn new(
        class: Class,
        replica: usize,
        path: &'a str,
        credential: Option<&'a str>,
    ) -> Self {
        let (headers, body) = (vec![], "");
        Self { class, replica, method: "GET", path, credential, headers, body, is_recorded: true }
    }

    /// Its bytes, with an id of its own.
    pub(in crate::soak) fn bytes(&self, world: &World) -> (String, Vec<u8>) {
        let id = format!("{:?}-{}", self.class, world.number());
        let mut headers = self.headers.clone();
        headers.push(("x-request-id", id.clone()));
        headers.extend(self.credential.map(|credential| ("authorization", format!("Bearer {credential}"))));
        headers.push(("content-length", self.body.len().to_string()));
        let bytes = [&head(self.method, self.path, &headers), self.body.as_bytes()].concat();
        (id, bytes)
    }
}

/// An answer, or what there was in place of one.
pub(in crate::soak) struct Asked {
    pub(in crate::soak) id: String,
    pub(in crate::soak) answer: Result<Answer, String>,
    pub(in crate::soak) from: Instant,
    pub(in crate::soak) to: Instant,
}

/// Asks, counts the answer, and notes whether it has to be billed.
pub(in crate::soak) async fn ask(world: &Arc<World>, question: Question<'_>) -> Asked {
    let (id, bytes) = question.bytes(world);
    let from = Instant::now();
    let exchange = async {
        let mut stream = TcpStream::connect(world.replicas[question.replica].address).await?;
        stream.write_all(&bytes).await?;
        let mut answer = vec![];
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = match timeout(PATIENCE, exchange).await {
        Err(_) => Err("late".to_owned()),
        Ok(Err(error)) => Err(error.kind().to_string()),
        Ok(Ok(bytes)) => parse(&bytes).ok_or_else(|| "no answer".to_owned()),
    };
    let asked = Asked { id, answer, from, to: Instant::now() };
    let outcome = match &asked.answer {
        Ok(answer) => answer.status.to_string(),
        Err(error) => error.clone(),
    };
    world.tally.count(question.class, outcome);
    let bill = match asked.status() {
        _ if !question.is_recorded => Bill::Never,
        // Nobody can be billed.
        Some(401) => Bill::Never,
        Some(_) => Bill::Once,
        None => Bill::AtMostOnce,
    };
    world.ledger.expect(&asked.id, bill);
    asked
}

impl Asked {
    pub(in crate::soak) fn status(&self) -> Option<u16> {
        self.answer.as_ref().ok().map(|answer| answer.status)
    }

    pub(in crate::soak) fn body(&self) -> &str {
        self.answer.as_ref().map_or("", |answer| &answer.body)
    }

    /// Whether this part of what is around may have shown.
    pub(in crate::soak) fn met(&self, world: &World, part: Part) -> bool {
        world.windows.covers(part, self.from, self.to)
    }

    /// Whether it is a 503 that says when to come again, while one of these parts was away.
    pub(in crate::soak) fn is_unavailable(&self, world: &World, parts: &[Part]) -> bool {
        let is_503 =
            self.answer.as_ref().is_ok_and(|it| it.status == 503 && it.header("retry-after").is_some());
        is_503 && parts.iter().any(|part| self.met(world, *part))
    }

    /// Counts it as wrong, if it is.
    pub(in crate::soak) fn check(&self, world: &World, class: Class, is_right: bool) {
        if !is_right {
            let took = self.to - self.from;
            let answer = self.answer.as_ref().map(|answer| (answer.status, &answer.body));
            world.tally.wrong(class, format!("{} after {took:.1?}: {answer:?}", self.id));
        }
    }

    /// Whether it is this user's answer.
    pub(in crate::soak) fn is_of(&self, user: &str) -> bool {
        self.status() == Some(200) && self.body() == user
    }
}
