//! A bus whose messages, questions and answers the test plays.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aigc_auth::cluster::{BusError, BusListener, InvalidationBus};
use aigc_auth::invalidate::Invalidation;
use tokio::sync::Notify;

/// What is in the middle: a log that forgets everything when it is restarted, as Redis without persistence.
#[derive(Default)]
pub(super) struct Log {
    generation: u64,
    entries: Vec<Invalidation>,
}

impl Log {
    /// Loses everything. Returns how many messages.
    pub(super) fn restart(&mut self) -> usize {
        self.generation += 1;
        std::mem::take(&mut self.entries).len()
    }
}

pub(super) type Shared<T> = Arc<Mutex<T>>;

/// What becomes of a call of this replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Link {
    Up,
    /// Fails at once.
    Cut,
    /// Nothing arrives.
    Mute,
    /// It arrives, and the answer does not.
    AnswersLost,
}

/// The path from one replica to the log.
pub(super) struct Wire {
    log: Shared<Log>,
    state: Mutex<State>,
    told: Notify,
}

struct State {
    link: Link,
    is_listening: bool,
    commands: VecDeque<Command>,
    /// What was asked, and has not been answered yet.
    question: Option<Question>,
    /// Up to where the replica has heard, and of which log.
    heard: Option<(u64, usize)>,
}

#[derive(Clone, Copy)]
struct Question {
    asked: u64,
    generation: u64,
    len: usize,
}

enum Command {
    /// The answer to a question of this instant has come, and says so.
    Answer {
        question: Question,
        now: u64,
    },
    /// Messages have come.
    Messages,
    Cut,
}

impl Wire {
    pub(super) fn new(log: &Shared<Log>) -> Arc<Self> {
        let state = State {
            link: Link::Up,
            is_listening: false,
            commands: VecDeque::new(),
            question: None,
            heard: None,
        };
        Arc::new(Self { log: log.clone(), state: Mutex::new(state), told: Notify::new() })
    }

    pub(super) fn link(&self) -> Link {
        self.state.lock().unwrap().link
    }

    /// Whether it has heard all that is in the log.
    pub(super) fn has_heard_all(&self) -> bool {
        let log = self.log.lock().unwrap();
        self.state.lock().unwrap().heard == Some((log.generation, log.entries.len()))
    }

    pub(super) fn set_link(&self, link: Link) {
        self.state.lock().unwrap().link = link;
        if link == Link::Cut {
            self.cut();
        }
    }

    /// Ends the connection, also where the replica may connect again at once.
    pub(super) fn cut(&self) {
        self.state.lock().unwrap().question = None;
        self.tell(Command::Cut);
    }

    /// The replica asks whether it has missed anything; the log finds its answer at once.
    pub(super) fn ask(&self, now: u64) {
        let log = self.log.lock().unwrap();
        let mut state = self.state.lock().unwrap();
        if state.is_listening && state.link == Link::Up {
            state.question =
                Some(Question { asked: now, generation: log.generation, len: log.entries.len() });
        }
    }

    /// The answer arrives.
    pub(super) fn answer(&self, now: u64) {
        let question = self.state.lock().unwrap().question.take();
        if let Some(question) = question {
            self.tell(Command::Answer { question, now });
        }
    }

    /// The messages that are on their way arrive.
    pub(super) fn deliver(&self) {
        if self.link() == Link::Up {
            self.tell(Command::Messages);
        }
    }

    fn tell(&self, command: Command) {
        let mut state = self.state.lock().unwrap();
        if state.is_listening {
            state.commands.push_back(command);
            self.told.notify_one();
        }
    }

    async fn next(&self) -> Command {
        loop {
            if let Some(command) = self.state.lock().unwrap().commands.pop_front() {
                return command;
            }
            self.told.notified().await;
        }
    }

    /// Hands in what is in the log, up to here, and was not heard yet. A replica that has heard of another log has missed something.
    fn hear(&self, generation: u64, len: usize, listener: &dyn BusListener) {
        let log = self.log.lock().unwrap();
        let mut state = self.state.lock().unwrap();
        match &mut state.heard {
            Some((of, position)) if *of == generation => {
                if log.generation == generation {
                    log.entries[(*position).min(len)..len].iter().for_each(|entry| listener.apply(entry));
                }
                *position = len.max(*position);
            }
            heard => {
                *heard = Some((generation, len));
                listener.missed();
            }
        }
    }
}

/// Listening, until it is dropped.
struct Listening<'a>(&'a Wire);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap();
        state.is_listening = false;
        state.commands.clear();
        state.question = None;
    }
}

/// One replica's end.
pub(super) struct Bus(pub(super) Arc<Wire>);

impl InvalidationBus for Bus {
    async fn publish(&self, invalidation: &Invalidation) -> Result<(), BusError> {
        let link = self.0.link();
        if matches!(link, Link::Up | Link::AnswersLost) {
            self.0.log.lock().unwrap().entries.push(invalidation.clone());
        }
        match link {
            Link::Up => Ok(()),
            Link::Cut => Err("the wire is cut".into()),
            Link::Mute | Link::AnswersLost => pending().await,
        }
    }

    async fn listen(&self, listener: &dyn BusListener) -> BusError {
        if self.0.link() == Link::Cut {
            return "the wire is cut".into();
        }
        self.0.state.lock().unwrap().is_listening = true;
        let _listening = Listening(&self.0);
        loop {
            match self.0.next().await {
                Command::Answer { question, now } => {
                    self.0.hear(question.generation, question.len, listener);
                    // The time of the test, which this clock does not know of.
                    let age = Duration::from_millis(now - question.asked);
                    listener
                        .in_touch(Instant::now().checked_sub(age).expect("a machine that is not that young"));
                }
                Command::Messages => {
                    let (generation, len) = {
                        let log = self.0.log.lock().unwrap();
                        (log.generation, log.entries.len())
                    };
                    let is_known = self.0.state.lock().unwrap().heard.is_some_and(|(of, _)| of == generation);
                    if is_known {
                        self.0.hear(generation, len, listener);
                    }
                }
                Command::Cut => return "the wire is cut".into(),
            }
        }
    }
}
