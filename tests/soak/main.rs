//! The soak: a real server at the bounds of its store, and thousands of clients that do what users
//! do, and worse, for ten minutes. `cargo test --release --test soak`; it is no part of the
//! default run.
//!
//! `SOAK_SECONDS` sets how long it takes, `SOAK_SEED` repeats the clients' choices. The server is a
//! process of its own, so that its memory is its own too.

mod work;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use work::{Limits, Run, clients, server};

/// How much the server may grow once its store is full.
const SETTLED_GROWTH: u64 = 8 << 20;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    if arguments.iter().any(|it| it == "--list") {
        // What cargo-nextest asks.
        if !arguments.iter().any(|it| it == "--ignored") {
            println!("soak: test");
        }
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if std::env::var_os("SOAK_SERVE").is_some() {
        std::thread::spawn(|| {
            // Ends with its parent, however that ends.
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            std::process::exit(0);
        });
        runtime.block_on(server::serve_alone(Limits::SOAK));
        return ExitCode::SUCCESS;
    }
    runtime.block_on(soak())
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env("SOAK_SERVE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().parse().unwrap();
        Self { process, address }
    }

    /// A line of `/proc/PID/status`, in bytes. None where there is no such file.
    fn memory(&self, name: &str) -> Option<u64> {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .ok()
            .unwrap_or_else(|| panic!("{name} is no number")),
    )
}

async fn soak() -> ExitCode {
    let seconds = number("SOAK_SECONDS").unwrap_or(600);
    let seed = number("SOAK_SEED").unwrap_or_else(rand::random);
    let limits = Limits::SOAK;
    println!("soak for {seconds} s, SOAK_SEED={seed}, {limits:?}");

    let server = Server::start();
    let at_start = server.memory("VmRSS:");
    let run = Arc::new(Run::new(server.address, limits, seed));
    let clients = tokio::spawn(clients::run(Arc::clone(&run), Duration::from_secs(seconds)));

    let begin = Instant::now();
    // Not before the store was full once.
    let settles = work::CYCLE.as_secs().max(seconds / 4);
    let mut settled = None;
    while !clients.is_finished() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if settled.is_none() && begin.elapsed().as_secs() >= settles {
            settled = server.memory("VmRSS:");
        }
    }
    let took = begin.elapsed();
    let tally = clients.await.unwrap();
    let at_end = server.memory("VmRSS:");
    let peak = server.memory("VmHWM:");
    let store = server::figures(server.address).await;

    println!("{}", tally.report(took));
    println!("store: {store:?}");
    let mib = |bytes: Option<u64>| {
        bytes.map_or("unknown".to_owned(), |bytes| {
            format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
        })
    };
    println!(
        "memory of the server: {} at the start, {} when the store was full, {} at the end, {} at its peak",
        mib(at_start),
        mib(settled),
        mib(at_end),
        mib(peak),
    );

    tally.check_against(&store, &run);
    if took > 2 * work::CYCLE && (store.evicted == 0 || store.expired == 0) {
        run.violation("too mild: the store never evicted, or no entry expired");
    }
    if let (Some(settled), Some(end)) = (settled, at_end)
        && end > settled + SETTLED_GROWTH
    {
        run.violation("the server's memory grows and grows");
    }
    let bound = 2 * limits.max_bytes as u64 + (16 << 20);
    if let (Some(start), Some(peak)) = (at_start, peak)
        && peak > start + bound
    {
        run.violation("the server took more memory than its store explains");
    }
    let violations = run.violations();
    println!("violations: {}", violations.len());
    for violation in violations.iter().take(20) {
        println!("  {violation}");
    }
    if violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
