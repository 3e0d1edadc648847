//! The table, and what it says about the machine.

use crate::{APPS, REQUESTS, ROUNDS, Row, plot};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use time::OffsetDateTime;

const DIRECTORY: &str = env!("CARGO_MANIFEST_DIR");
const LOCK: &str = include_str!("../Cargo.lock");
/// The apps that have sessions.
const FIRST: usize = 2;

pub(crate) fn write(names: &[&str; APPS], rows: &[Row]) {
    let names = names.map(|name| format!("{name} {}", version(name)).trim_end().to_owned());
    let machine = machine();
    fs::write(
        format!("{DIRECTORY}/results.md"),
        table(&names, rows, &machine),
    )
    .expect("results.md");
    let plot = plot::draw(&names[FIRST..], rows, FIRST, &machine);
    fs::write(format!("{DIRECTORY}/results.svg"), plot).expect("results.svg");
    write_readme(&essence(&names, rows), &machine);
    println!("\n{}", table(&names, rows, &machine));
}

fn table(names: &[String; APPS], rows: &[Row], machine: &str) -> String {
    let mut text = format!(
        "# The same requests in all apps\n\n\
         {machine}. Made by `cargo run --release --manifest-path benches/peers/Cargo.toml`, \
         which writes this file.\n\n\
         What a request takes over the app whose layer inserts one `Arc` and does nothing else: nanoseconds \
         and allocations. Medians of {ROUNDS} rounds of {REQUESTS} requests, on one thread, without network.\n\n"
    );
    text.push_str(&essence(names, rows));
    text.push_str("\nThe whole request, axum's share included, in nanoseconds:\n\n");
    head(&mut text, names);
    for row in rows {
        let cells = row.total.iter().map(|time| format!("{time:.0}"));
        line(&mut text, row.kind.name(), cells);
    }
    text.push_str(NOTES);
    text
}

/// The times and allocations over the app with one `Arc`.
fn essence(names: &[String; APPS], rows: &[Row]) -> String {
    let mut text = String::new();
    head(&mut text, &names[FIRST..]);
    for row in rows {
        let cells = (FIRST..APPS).map(|app| {
            let (time, allocations) = (row.over[app], row.allocations[app]);
            format!("{time:.0} ns, {allocations}")
        });
        line(&mut text, row.kind.name(), cells);
    }
    text
}

fn head(text: &mut String, names: &[String]) {
    line(text, "", names.iter().cloned());
    line(text, "---", names.iter().map(|_| "---:".to_owned()));
}

fn line(text: &mut String, first: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<_> = cells.collect();
    let _ = writeln!(text, "| {first} | {} |", cells.join(" | "));
}

/// Puts the table between two comments of the README.
fn write_readme(table: &str, machine: &str) {
    const START: &str = "<!-- The benchmark writes what follows. -->\n";
    const END: &str = "<!-- End. -->";
    let path = format!("{DIRECTORY}/../../README.md");
    let readme = fs::read_to_string(&path).expect("README.md");
    let (before, rest) = readme.split_once(START).expect("where the figures begin");
    let (_, after) = rest.split_once(END).expect("where the figures end");
    let readme = format!("{before}{START}\n{table}\n{machine}.\n\n{END}{after}");
    fs::write(path, readme).expect("README.md");
}

const NOTES: &str = "
What each app does in its own way, and what it costs or saves it:

* sessile looks the session up before the handler runs, also for a handler that does not touch it. tower-sessions
  looks it up when it is first asked for.
* tower-sessions sends the cookie at each change, axum_session two cookies with each response; sessile sends it when
  the session is made and once in a tenth of the idle lifetime.
* sessile draws an id of 256 random bits from the operating system, axum_session one of 122. tower-sessions draws 128
  from the thread's generator, which needs no system call.
* axum_session changes its map in place and has no step that saves. It adopts a forged id: it makes a session for it.
* sessile bounds its store, evicts and removes what has expired. The store of tower-sessions grows without end, and
  axum_session removes what has expired in a task, which does not run here.

How each is set up, and why, is said at the top of its file in `src/apps`.
";

/// The version of a crate in the lock file.
fn version(name: &str) -> &str {
    LOCK.split("[[package]]")
        .find_map(|package| package.strip_prefix(&*format!("\nname = \"{name}\"\nversion = \"")))
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
}

/// Processor, cores, compiler and date.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map_or_else(|_| Vec::new(), |output| output.stdout);
    let compiler = String::from_utf8_lossy(&compiler);
    let compiler: Vec<_> = compiler.split(' ').take(2).collect();
    let date = OffsetDateTime::now_utc().date();
    format!("{model}, {cores} cores, {}, {date}", compiler.join(" "))
}
