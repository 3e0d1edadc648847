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
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
    };
    let head = |names: &[String]| [String::new()].into_iter().chain(names.to_vec());
    let rule = |columns: usize| {
        ["---".to_owned()]
            .into_iter()
            .chain((0..columns).map(|_| "---:".to_owned()))
    };
    line(&mut head(&names[FIRST..]));
    line(&mut rule(APPS - FIRST));
    for row in rows {
        let cells = (FIRST..APPS).map(|app| {
            let (time, allocations) = (row.over[app], row.allocations[app]);
            format!("{time:.0} ns, {allocations}")
        });
        line(&mut [row.kind.name().to_owned()].into_iter().chain(cells));
    }
    text.push_str("\nThe whole request, axum's share included, in nanoseconds:\n\n");
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
    };
    line(&mut head(names));
    line(&mut rule(APPS));
    for row in rows {
        let cells = row.total.iter().map(|time| format!("{time:.0}"));
        line(&mut [row.kind.name().to_owned()].into_iter().chain(cells));
    }
    text.push_str(NOTES);
    text
}

const NOTES: &str = "
What each app does in its own way, and what it costs or saves it:

* sessile looks the session up before the handler runs, also for a handler that does not touch it. tower-sessions
  looks it up when it is first asked for.
* tower-sessions sends the cookie at each change, axum_session two cookies with each response; sessile sends it when
  the session is made and once in a tenth of the idle lifetime.
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
