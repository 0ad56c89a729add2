//! What replicas read and write, in random order against a model, and in a Redis.

mod histories;
mod replicas;
mod server;
