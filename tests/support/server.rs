//! A real server, as a process of the test's own on free loopback ports.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A port that nobody listens on. Somebody may take it before its server does: see [`Server::start`].
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Whether `TEST_WITHOUT` names a server, since it cannot be had here. A list with commas.
pub fn is_left_out(name: &str) -> bool {
    let names = std::env::var("TEST_WITHOUT").unwrap_or_default();
    let left_out = names.split(',').any(|other| other.trim() == name);
    if left_out {
        println!("left out, as TEST_WITHOUT says: {name}");
    }
    left_out
}

/// A directory that goes with the test.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sessile-test-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is being killed may still write.
        for _ in 0..40 {
            if fs::remove_dir_all(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            sleep(Duration::from_millis(25));
        }
    }
}

/// A server that is killed when the test ends.
pub struct Server {
    /// What to run, and which Debian package it is in.
    program: &'static str,
    package: &'static str,
    arguments: Vec<String>,
    port: u16,
    directory: Directory,
    child: Option<Child>,
}

impl Server {
    /// Starts a program, in a directory of its own, and waits until it listens. The arguments are made
    /// from the port.
    pub fn start(
        program: &'static str,
        package: &'static str,
        arguments: impl Fn(u16, &Path) -> Vec<String>,
    ) -> Self {
        Self::start_until(program, package, arguments, |_| true)
    }

    /// The same for one that may listen, and end all the same: it runs once it has answered at its port.
    pub fn start_until(
        program: &'static str,
        package: &'static str,
        arguments: impl Fn(u16, &Path) -> Vec<String>,
        answers: impl Fn(u16) -> bool,
    ) -> Self {
        for _ in 0..5 {
            let (port, directory) = (free_port(), Directory::new());
            let mut server = Self {
                program,
                package,
                arguments: arguments(port, directory.path()),
                port,
                directory,
                child: None,
            };
            if server.spawn() && answers(port) {
                return server;
            }
        }
        panic!("{program} does not start: it ended at once, on five ports");
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Kills the processes that it started, and not theirs.
    pub fn kill_children(&self) {
        let Some(id) = self.child.as_ref().map(Child::id) else {
            return;
        };
        let children = format!("kill -KILL $(cat /proc/{id}/task/*/children)");
        let _ = Command::new("sh").args(["-c", &children]).output();
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts a server that was killed, on the same port with the same arguments.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.spawn(), "{} does not start again", self.program);
    }

    /// Lets the server accept connections and answer nothing.
    pub fn pause(&self) {
        self.signal("STOP");
        // One of its threads passes the signal on, and the others work until then.
        let tasks = format!("/proc/{}/task", self.id());
        let is_stopped = |task: fs::DirEntry| {
            // The state follows the name, which is in brackets.
            let stat = fs::read_to_string(task.path().join("stat")).unwrap();
            stat.rsplit_once(')').unwrap().1.starts_with(" T")
        };
        let have_stopped = || {
            let mut tasks = fs::read_dir(&tasks).unwrap();
            tasks.all(|task| is_stopped(task.unwrap()))
        };
        let deadline = Instant::now() + PATIENCE;
        while !have_stopped() {
            assert!(Instant::now() < deadline, "{} does not stop", self.program);
            sleep(Duration::from_millis(1));
        }
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Whether it listens in the end. It is not, if it ended instead.
    fn spawn(&mut self) -> bool {
        let child = Command::new(self.program)
            .args(&self.arguments)
            .current_dir(self.directory.path())
            // What it leaves anywhere goes with the test.
            .env("HOME", self.directory.path())
            .env("TMPDIR", self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => panic!(
                "{} is missing: run tests/run.sh, or apt-get install {}",
                self.program, self.package
            ),
            Err(error) => panic!("{} does not start: {error}", self.program),
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            if Instant::now() >= end {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{} does not listen on port {}", self.program, self.port);
            }
            sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
        true
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not to panic in a test that already does.
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a program prints that ends well.
pub fn run(program: &'static str, package: &str, arguments: &[&str]) -> String {
    let output = match Command::new(program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => panic!("{program}: {error}: run tests/run.sh, or apt-get install {package}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    assert!(
        output.status.success(),
        "{program}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}
