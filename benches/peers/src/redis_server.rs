//! A Redis server that lives as long as the program that starts it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

pub struct Server {
    pub port: u16,
    process: Child,
    directory: PathBuf,
}

impl Server {
    /// On a free port of this machine, with a directory of its own and nothing kept on disk.
    pub fn start() -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let directory = std::env::temp_dir().join(format!("sessile-peers-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(&directory)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server, as in Debian's package of that name");
        let server = Self {
            port,
            process,
            directory,
        };
        while server.connect().is_err() {
            sleep(Duration::from_millis(20));
        }
        server
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How often it has read from its connections.
    pub fn reads(&self) -> u64 {
        let stats = self.info("stats");
        let reads = field(&stats, "total_reads_processed");
        reads.parse().expect("a number")
    }

    /// How often each command was called, those by scripts included.
    pub fn calls(&self) -> Vec<(String, u64)> {
        let stats = self.info("commandstats");
        let lines = stats.lines().filter_map(|line| line.split_once(":calls="));
        let count = |rest: &str| rest.split(',').next()?.parse().ok();
        lines
            .filter_map(|(name, rest)| {
                Some((name.strip_prefix("cmdstat_")?.to_owned(), count(rest)?))
            })
            .collect()
    }

    /// What INFO says of this section.
    fn info(&self, section: &str) -> String {
        let mut text = String::new();
        let mut stream = self.connect().expect("a connection");
        write!(stream, "INFO {section}\r\nQUIT\r\n").expect("a connection");
        stream.read_to_string(&mut text).expect("an answer");
        text
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.port))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn field<'a>(info: &'a str, name: &str) -> &'a str {
    let mut lines = info.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim_end()
}
