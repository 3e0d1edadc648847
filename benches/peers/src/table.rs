//! The tables that the programs write, and what they say about the machine.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use time::OffsetDateTime;

pub const DIRECTORY: &str = env!("CARGO_MANIFEST_DIR");
const LOCK: &str = include_str!("../Cargo.lock");

pub fn head(text: &mut String, names: &[String]) {
    line(text, "", names.iter().cloned());
    line(text, "---", names.iter().map(|_| "---:".to_owned()));
}

pub fn line(text: &mut String, first: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<_> = cells.collect();
    let _ = writeln!(text, "| {first} | {} |", cells.join(" | "));
}

/// Puts the table between two comments of the README, of which this is the first.
pub fn write_readme(start: &str, table: &str, machine: &str) {
    const END: &str = "<!-- End. -->";
    let path = format!("{DIRECTORY}/../../README.md");
    let readme = fs::read_to_string(&path).expect("README.md");
    let (before, rest) = readme.split_once(start).expect("where the figures begin");
    let (_, after) = rest.split_once(END).expect("where the figures end");
    let readme = format!("{before}{start}\n{table}\n{machine}.\n\n{END}{after}");
    fs::write(path, readme).expect("README.md");
}

/// The versions of a crate in the lock file, in their order.
pub fn versions(name: &str) -> impl Iterator<Item = &'static str> {
    let start = format!("\nname = \"{name}\"\nversion = \"");
    LOCK.split("[[package]]").filter_map(move |package| {
        let rest = package.strip_prefix(&*start)?;
        rest.split('"').next()
    })
}

/// Processor, cores, compiler and date.
pub fn machine() -> String {
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

/// Runs the program of this name, which prints a line of counts for each kind of request.
pub fn allocations<const APPS: usize>(program: &str) -> Vec<[i64; APPS]> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--release", "--bin", program])
        .args(["--manifest-path", &format!("{DIRECTORY}/Cargo.toml")])
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("cargo runs");
    let text = String::from_utf8(output.stdout).expect("numbers");
    let line = |line: &str| -> [i64; APPS] {
        let counts: Vec<_> = line
            .split(' ')
            .map(|it| it.parse().expect("a number"))
            .collect();
        counts.try_into().expect("a number for each app")
    };
    text.lines().map(line).collect()
}
