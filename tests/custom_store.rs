//! The example store is judged by the whole conformance suite.

use std::path::Path;
use std::process::Command;

#[test]
fn the_example_store_keeps_every_sentence_of_the_contract() {
    let this = std::env::current_exe().unwrap();
    let target = this.ancestors().nth(3).unwrap();
    let run = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--features", "conformance"])
        .args(["--example", "custom_store", "--target-dir"])
        .arg(Path::new(target))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (said, complained) = (
        String::from_utf8(run.stdout).unwrap(),
        String::from_utf8(run.stderr).unwrap(),
    );
    assert_eq!(
        said, "the store keeps every sentence of the contract\n",
        "{complained}"
    );
    assert!(run.status.success());
}
