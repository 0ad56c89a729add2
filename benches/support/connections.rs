//! Clients of a server over loopback HTTP/1.1 with keep-alive.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

pub(crate) const CONNECTIONS: usize = 16;

/// Connections to one server, which send the same request each.
pub(crate) struct Connections {
    streams: Vec<TcpStream>,
    request: Vec<u8>,
    answer_len: usize,
}

impl Connections {
    /// Connects, and asks for `/me` once; `credential` is a line of the header.
    pub(crate) fn new(address: SocketAddr, credential: &str) -> Self {
        let request = format!(
            "GET /me HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
             Accept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\n{credential}\r\n\r\n"
        );
        let connect = || {
            let connection = TcpStream::connect(address).expect("the server listens");
            connection.set_nodelay(true).expect("a socket");
            connection
        };
        let mut connections = Self {
            streams: (0..CONNECTIONS).map(|_| connect()).collect(),
            request: request.into_bytes(),
            answer_len: 0,
        };
        connections.learn_answer();
        connections
    }

    /// All answers are alike, so that it is enough to count their bytes.
    fn learn_answer(&mut self) {
        let connection = &mut self.streams[0];
        connection.write_all(&self.request).expect("sent");
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !answer.ends_with(b"\r\n\r\nok") {
            let read = connection.read(&mut buffer).expect("an answer");
            assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..read]);
        }
        self.answer_len = answer.len();
    }

    /// Sends a request by each connection, and reads the answers, so many times.
    pub(crate) fn run(&mut self, times: usize) {
        let mut buffer = [0; 4096];
        for _ in 0..times {
            for connection in &mut self.streams {
                connection.write_all(&self.request).expect("sent");
            }
            for connection in &mut self.streams {
                let mut left = self.answer_len;
                while left > 0 {
                    let read = connection.read(&mut buffer[..left]).expect("an answer");
                    assert_ne!(read, 0, "the server closed the connection");
                    left -= read;
                }
            }
        }
    }
}
