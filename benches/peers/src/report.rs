//! The table, and what it says about the machine.

use crate::{APPS, REQUESTS, ROUNDS, Row};
use sessile_peers::plot::{self, Plot};
use sessile_peers::table::{DIRECTORY, head, line, machine, versions, write_readme};
use std::fs;

const README: &str = "<!-- The benchmark writes what follows. -->\n";
/// The apps that have sessions.
const FIRST: usize = 2;

pub(crate) fn write(names: &[&str; APPS], rows: &[Row]) {
    let version = |name| versions(name).last().unwrap_or_default();
    let names = names.map(|name| format!("{name} {}", version(name)).trim_end().to_owned());
    let machine = machine();
    fs::write(
        format!("{DIRECTORY}/results.md"),
        table(&names, rows, &machine),
    )
    .expect("results.md");
    let foot =
        format!("Nanoseconds over the same axum app with a layer that inserts one Arc. {machine}.");
    let plot = plot::draw(&Plot {
        title: "What sessions add to a request",
        foot: &foot,
        names: &names[FIRST..],
        groups: rows
            .iter()
            .map(|row| (row.kind.name(), row.over[FIRST..].to_vec()))
            .collect(),
    });
    fs::write(format!("{DIRECTORY}/results.svg"), plot).expect("results.svg");
    write_readme(README, &essence(&names, rows), &machine);
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
