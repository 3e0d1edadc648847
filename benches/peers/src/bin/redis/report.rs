//! The tables and the plot.

use crate::measure::Commands;
use crate::{APPS, KINDS, LEVELS, MANY, ROUNDS, Row};
use sessile_peers::plot::{self, Plot};
use sessile_peers::table::{DIRECTORY, head, line, machine, versions, write_readme};
use std::fmt::Write as _;
use std::fs;

const README: &str = "<!-- The benchmark over Redis writes what follows. -->\n";
/// The apps that have sessions.
const FIRST: usize = 2;

pub(crate) fn write(
    names: [&str; APPS],
    levels: &[Vec<Row>; LEVELS.len()],
    commands: &[[Commands; APPS]; KINDS.len()],
    allocations: &[[i64; APPS]],
) {
    let names: Vec<_> = names[FIRST..].iter().map(|name| name_of(name)).collect();
    let machine = machine();
    let essence = essence(&names, levels, commands, allocations);
    let table = table(&names, &essence, levels, commands, &machine);
    fs::write(format!("{DIRECTORY}/results-redis.md"), &table).expect("results-redis.md");
    let foot = format!(
        "Nanoseconds over plain axum, {} requests in flight. {machine}.",
        LEVELS[MANY].0
    );
    let groups = levels[MANY].iter();
    let plot = plot::draw(&Plot {
        title: "What sessions in Redis add to a request",
        foot: &foot,
        names: &names,
        groups: groups
            .map(|row| (row.kind.name(), row.over[FIRST..].to_vec()))
            .collect(),
    });
    fs::write(format!("{DIRECTORY}/results-redis.svg"), plot).expect("results-redis.svg");
    write_readme(README, &essence, &machine);
    println!("\n{table}");
}

/// With its version. Of tower-sessions two are at work, and this is about the older.
fn name_of(app: &str) -> String {
    format!("{app} {}", versions(app).next().unwrap_or_default())
}

/// The time with many requests in flight, the round trips and the allocations.
fn essence(
    names: &[String],
    levels: &[Vec<Row>; LEVELS.len()],
    commands: &[[Commands; APPS]; KINDS.len()],
    allocations: &[[i64; APPS]],
) -> String {
    let mut text = String::new();
    head(&mut text, names);
    for ((row, commands), allocations) in levels[MANY].iter().zip(commands).zip(allocations) {
        let cells = (FIRST..APPS).map(|app| {
            let (time, reads) = (row.over[app] / 1e3, commands[app].reads);
            format!(
                "{time:.1} µs, {reads}, {}",
                allocations[app] - allocations[0]
            )
        });
        line(&mut text, row.kind.name(), cells);
    }
    text
}

fn table(
    names: &[String],
    essence: &str,
    levels: &[Vec<Row>; LEVELS.len()],
    commands: &[[Commands; APPS]; KINDS.len()],
    machine: &str,
) -> String {
    let many = LEVELS[MANY].0;
    let mut text = format!(
        "# The same requests in all apps, with the sessions in Redis\n\n\
         {machine}. Made by `cargo run --release --manifest-path benches/peers/Cargo.toml --bin redis`, \
         which writes this file.\n\n\
         What a request takes over plain axum, with {many} in flight: time, round trips to the server and \
         allocations. Medians of {ROUNDS} rounds, on two worker threads, with the server on the same machine.\n\n\
         {essence}\n\
         The same time as a share of what tower-sessions takes:\n\n"
    );
    head(&mut text, names);
    for row in &levels[MANY] {
        let share = |time: &f64| format!("{:.2}", time / row.over[FIRST + 1]);
        line(
            &mut text,
            row.kind.name(),
            row.over[FIRST..].iter().map(share),
        );
    }
    let _ = write!(
        text,
        "\nProcessor time with {many} in flight, in microseconds over plain axum: in the app's process, and in \
         the server:\n\n"
    );
    head(&mut text, names);
    for row in &levels[MANY] {
        let times = row.own.iter().zip(&row.server).skip(FIRST);
        let cells = times.map(|(own, server)| format!("{:.1}, {:.1}", own / 1e3, server / 1e3));
        line(&mut text, row.kind.name(), cells);
    }
    text.push_str("\nTime with one request in flight, in microseconds over plain axum:\n\n");
    head(&mut text, names);
    for row in &levels[0] {
        let cells = row.over[FIRST..].iter();
        line(
            &mut text,
            row.kind.name(),
            cells.map(|time| format!("{:.1}", time / 1e3)),
        );
    }
    text.push_str(
        "\nThe commands that the server runs for a request, those from scripts included:\n\n",
    );
    head(&mut text, names);
    for (kind, commands) in KINDS.iter().zip(commands) {
        let cells = commands[FIRST..].iter().map(|commands| {
            let calls = commands.calls.iter();
            let calls: Vec<_> = calls
                .map(|(name, count)| format!("{count} {name}"))
                .collect();
            calls.join(", ")
        });
        line(&mut text, kind.name(), cells);
    }
    text.push_str(NOTES);
    text
}

const NOTES: &str = "
What each app does in its own way, and what it costs or saves it:

* sessile replaces a value only if it is the one that it read: a script compares and sets. tower-sessions and
  axum_session set it, and of two requests that overlap one loses its change.
* tower-sessions has six connections and sessile has one, where requests in flight share their writes.
* axum_session checks a connection of its pool before it uses it (UNWATCH and PING), and here, where it keeps no
  copy in memory, it saves a session that was only read.

How each is set up, and why, is said at the top of `src/apps/over_redis.rs`.
";
