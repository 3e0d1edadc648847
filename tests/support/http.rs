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
    let built = Command::new(env!("CARGO"))
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
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if let Some(accept) = self.accept {
            request += &format!("accept: {accept}\r\n");
        }
        for (name, value) in &self.jar {
            // Several lines are one list.
            request += &format!("cookie: {name}={value}\r\n");
        }
        if method == "POST" {
            request += "content-type: application/x-www-form-urlencoded\r\n";
            request += &format!("content-length: {}\r\n", form.len());
        }
        request += &format!("connection: close\r\n\r\n{form}");

        let mut stream = TcpStream::connect(&self.address).unwrap();
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let reply = parse(&answer);
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
