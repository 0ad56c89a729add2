//! A proxy as a process, by the configuration of the guide, and a client of it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::lab::room::Room;
use crate::support::{self, Answer};

/// Where the client is. The proxies are at 127.0.0.1, and nobody else is trusted.
pub(super) const CLIENT: &str = "127.0.0.2";

/// A port that no other process is given by chance before it is bound: below those that Linux picks itself.
pub(super) fn free() -> SocketAddr {
    let bound =
        || TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(20_000..32_000))).ok()?.local_addr().ok();
    (0..100).find_map(|_| bound()).expect("a free port")
}

/// The configuration of the guide for these addresses: of the proxy, of the layer or the endpoint, of what is behind.
fn recipe(name: &str, proxy: SocketAddr, auth: SocketAddr, behind: SocketAddr) -> String {
    // Not as a part of the program: one who tries another configuration need not build it again.
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, recipe) = guide.split_once(&format!("```{name}\n")).unwrap_or_else(|| panic!("no {name}"));
    let (recipe, _) = recipe.split_once("```").unwrap();
    // Marks first: an address may begin like the next one to be replaced, as 127.0.0.1:40001 does.
    let marks = [
        ("127.0.0.1:8080", "<proxy>", proxy.to_string()),
        ("127.0.0.1:3000", "<auth>", auth.to_string()),
        ("127.0.0.1:4000", "<behind>", behind.to_string()),
        (":8080 {", "<port>", format!(":{} {{", proxy.port())),
    ];
    let marked =
        marks.iter().fold(recipe.to_owned(), |recipe, (of_guide, mark, _)| recipe.replace(of_guide, mark));
    marks.iter().fold(marked, |recipe, (_, mark, address)| recipe.replace(mark, address))
}

/// A proxy that runs until this is dropped.
pub(super) struct Running {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    _process: Child,
}

impl Running {
    pub(super) async fn start(
        name: &'static str,
        kind: &str,
        auth: SocketAddr,
        behind: SocketAddr,
    ) -> Option<Self> {
        Self::start_changed(name, kind, auth, behind, |recipe| recipe).await
    }

    /// With a change of the guide's configuration.
    pub(super) async fn start_changed(
        name: &'static str,
        kind: &str,
        auth: SocketAddr,
        behind: SocketAddr,
        change: impl FnOnce(String) -> String,
    ) -> Option<Self> {
        let room = Room::of(&format!("proxies-{name}-{kind}"))?;
        let address = free();
        let language = if name == "caddy" { "caddyfile" } else { name };
        let recipe = change(recipe(&format!("{language} {kind}"), address, auth, behind));
        let (program, config, arguments) = match name {
            "nginx" => nginx(&room, &recipe),
            "caddy" => caddy(&recipe),
            "apache" => apache(&room, address, &recipe),
            _ => haproxy(&recipe),
        };
        room.write("config", &config);
        let mut command = Command::new(program);
        // Debian has some of them in sbin, which is not in everybody's search path.
        let search = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        command
            .args(arguments)
            .arg(room.path("config"))
            .env("PATH", search)
            .env("HOME", room.path(""))
            .env("XDG_DATA_HOME", room.path(""));
        let process = room.serve(&mut command, address).await;
        Some(Self { name, address, _process: process })
    }

    /// Sends a request from the client's address.
    pub(super) async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{CLIENT}:0").parse().unwrap()).unwrap();
        let (mut read, mut write) = socket.connect(self.address).await.unwrap().into_split();
        let length = body.len().to_string();
        let length = [("content-length", &*length)];
        let headers = [headers, if body.is_empty() { &[] } else { &length }].concat();
        let request = [&support::head(method, target, &headers), body.as_bytes()].concat();
        // One who refuses a long head need not read it to its end.
        let writing = async move {
            let _ = write.write_all(&request).await;
            write
        };
        let reading = async {
            let mut answer = Vec::new();
            // A reset behind the answer takes nothing from it.
            let _ = read.read_to_end(&mut answer).await;
            answer
        };
        let both = async { tokio::join!(writing, reading).1 };
        let answer = timeout(Duration::from_secs(20), both).await.expect("an answer");
        support::parse(&answer)
            .unwrap_or_else(|| panic!("{}: {}", self.name, String::from_utf8_lossy(&answer)))
    }
}

/// A program, its configuration, and the arguments before the file that has it.
type Proxy = (&'static str, String, Vec<&'static str>);

fn nginx(room: &Room, recipe: &str) -> Proxy {
    let path = |file: &str| room.path(file).display().to_string();
    let global = format!("daemon off; master_process off; pid {}; error_log stderr;", path("pid"));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", path(kind)))
        .concat();
    let http = format!("http {{ access_log off;\n{temporary}{recipe} }}");
    ("nginx", format!("{global}\nevents {{}}\n{http}\n"), vec!["-c"])
}

fn caddy(recipe: &str) -> Proxy {
    let config = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{recipe}");
    ("caddy", config, vec!["run", "--adapter", "caddyfile", "--config"])
}

fn haproxy(recipe: &str) -> Proxy {
    let timeouts = "timeout connect 5s\n    timeout client 30s\n    timeout server 30s";
    ("haproxy", format!("defaults\n    mode http\n    {timeouts}\n{recipe}"), vec!["-db", "-f"])
}

/// With no more modules than the guide names.
fn apache(room: &Room, address: SocketAddr, recipe: &str) -> Proxy {
    let path = room.path("").display().to_string();
    let modules: String = ["mpm_event", "authz_core", "proxy", "proxy_http", "headers"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let files = format!("DefaultRuntimeDir {path}\nPidFile {path}/pid\nMutex file:{path}\n");
    // As root, it wants a user to become.
    let user = "User nobody\nGroup nogroup\nServerName test\nErrorLog /dev/stderr\n";
    let config = format!("{modules}{files}{user}Listen {address}\n{recipe}");
    // One process, which is ended with all that it has: children would outlive it.
    ("apache2", config, vec!["-X", "-f"])
}
