//! A browser of the plainest kind over a real socket, and the processes that it talks to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

/// An example that runs. It is killed at the end, and must have said nothing on stderr.
pub struct Running {
    process: Child,
    /// Host and port.
    pub address: String,
}

impl Running {
    /// Starts an example at a port of its own.
    pub fn example(name: &str) -> Self {
        Self::start(Command::new(EXAMPLES.join(name)))
    }

    /// The same, with its sessions in the store that this URL names.
    pub fn example_on(name: &str, store: &str) -> Self {
        let mut command = Command::new(EXAMPLES.join(name));
        command.env("SESSION_STORE", store);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut process = command
            .env("ADDR", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("http://").unwrap();
        Self {
            address: address.to_owned(),
            process,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        // A task that panics answers nobody, and is seen here only.
        let mut said = String::new();
        let stderr = self.process.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        if !std::thread::panicking() {
            assert!(said.is_empty(), "{said}");
        }
    }
}

/// Where the examples are. `cargo test --test NAME` builds none, so they are built here.
static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().unwrap().parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    // A build script that looks at what the runner says of this package would run each time.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    let built = cargo
        .args([
            "build",
            "--quiet",
            "--examples",
            "--all-features",
            "--target-dir",
        ])
        .arg(profile.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success(), "the examples do not compile");
    profile.parent().unwrap().join("debug/examples")
});

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| &**value)
    }
}

/// Keeps the cookies that it is given, and sends them along.
#[derive(Debug, Clone)]
pub struct Client {
    address: String,
    pub jar: BTreeMap<String, String>,
    /// As a browser sends it, or nothing as curl does.
    pub accept: Option<&'static str>,
}

impl Client {
    pub fn new(server: &Running) -> Self {
        Self::to(server.address.clone())
    }

    /// A browser that talks to this host and port.
    pub fn to(address: String) -> Self {
        Self {
            address,
            jar: BTreeMap::new(),
            accept: None,
        }
    }

    /// The same browser, at another address of the same site.
    pub fn at(&self, server: &Running) -> Self {
        Self {
            address: server.address.clone(),
            ..self.clone()
        }
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, "")
    }

    /// Posts a form.
    pub fn post(&mut self, path: &str, form: &str) -> Reply {
        self.send("POST", path, form)
    }

    fn send(&mut self, method: &str, path: &str, form: &str) -> Reply {
        let mut headers = String::new();
        if let Some(accept) = self.accept {
            headers += &format!("accept: {accept}\r\n");
        }
        for (name, value) in &self.jar {
            // Several lines are one list.
            headers += &format!("cookie: {name}={value}\r\n");
        }
        if method == "POST" {
            headers += "content-type: application/x-www-form-urlencoded\r\n";
        }
        let reply = send(&self.address, method, path, &headers, form);
        self.take(&reply);
        reply
    }

    fn take(&mut self, reply: &Reply) {
        for (name, value) in &reply.headers {
            if name == "set-cookie" {
                let (pair, attributes) = value.split_once(';').unwrap();
                let (cookie, value) = pair.split_once('=').unwrap();
                if attributes.contains("Max-Age=0") {
                    self.jar.remove(cookie);
                } else {
                    self.jar.insert(cookie.to_owned(), value.to_owned());
                }
            }
        }
    }
}

/// One request, on a connection of its own. Each of the headers ends its line.
pub fn send(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n{headers}");
    if method == "POST" {
        request += &format!("content-length: {}\r\n", body.len());
    }
    request += &format!("connection: close\r\n\r\n{body}");

    let mut stream = TcpStream::connect(address).unwrap();
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    // Some servers keep the connection all the same.
    while !is_whole(&answer) {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    parse(&String::from_utf8(answer).unwrap())
}

/// Whether the body has the length that the head tells.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split("\r\ncontent-length:").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
    length.is_some_and(|length: usize| answer.len() >= end + 4 + length)
}

fn parse(answer: &str) -> Reply {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap();
    let status = status.strip_prefix("HTTP/1.1 ").unwrap();
    let headers: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        })
        .collect();
    let reply = Reply {
        status: status[..3].parse().unwrap(),
        headers,
        body: body.to_owned(),
    };
    // Whole, and not in pieces.
    assert_eq!(
        reply.header("content-length").unwrap_or("0"),
        body.len().to_string()
    );
    reply
}
