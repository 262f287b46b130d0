//! Does a program of patterns do what its arguments say? The built example is run as its user runs it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// The program of an example; `cargo test` has built it.
fn program(name: &str) -> Command {
    let here = std::env::current_exe().expect("a test is a file");
    let folder = here.ancestors().nth(2).expect("target/debug/deps").join("examples");
    let path: PathBuf = folder.join(name);
    assert!(path.exists(), "{} is missing: cargo build --examples", path.display());
    Command::new(path)
}

fn run(name: &str, words: &[&str]) -> Output {
    program(name).args(words).output().expect("it starts")
}

/// Starts it at free ports; gives what it told, once it had told all.
fn start(name: &str) -> (Child, String) {
    let free = "127.0.0.1:0";
    let flags = ["--listen", free, "--admin", free, "--control", free];
    let mut child = program(name).args(flags).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.as_mut().expect("a pipe")).lines();
    let mut told = String::new();
    while !told.contains("Ctrl-C") {
        let line = lines.next().expect("it tells on").expect("text");
        told.push_str(&line);
        told.push('\n');
    }
    (child, told)
}

/// What follows `before` in what it told, up to a space.
fn after<'t>(told: &'t str, before: &str) -> &'t str {
    let (_, rest) = told.split_once(before).unwrap_or_else(|| panic!("{before} in {told}"));
    rest.split_whitespace().next().expect("a word")
}

fn curl(words: &[&str]) -> String {
    let output =
        Command::new("curl").args(["-sS", "-i"]).args(words).output().expect("curl is here");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Ctrl-C, and how it ended.
fn interrupt(mut child: Child) -> Option<i32> {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill is here").success());
    child.wait().expect("it ends").code()
}

#[test]
fn the_histogram_runs_is_curled_loses_a_leaf_and_ends() {
    let (child, told) = start("histogram");
    let gateway = after(&told, "gateway    http://").to_owned();
    let kill = after(&told, "curl -X POST ");
    let whole = curl(&[&gateway]);
    assert!(whole.contains("total=10, ok=10,"), "{whole}");
    let killed = curl(&["-X", "POST", kill]);
    assert!(killed.contains("\"lives\":false"), "{killed}");
    let part = curl(&[&gateway]);
    assert!(part.contains("total=10, ok=9,") && part.contains("no-store"), "{part}");
    assert_eq!(part.lines().last().expect("a body").split(',').count(), 10, "{part}");
    let dashboard = curl(&[after(&told, "dashboard  ")]);
    assert!(dashboard.contains("200 OK"), "{dashboard}");
    let unknown = curl(&["-X", "POST", &kill.replace("histogram-leaf", "leaf")]);
    assert!(unknown.contains("404") && unknown.contains("there are histogram-leaf-0"), "{unknown}");
    assert_eq!(interrupt(child), Some(0));
}

#[test]
fn a_program_of_jobs_ends_when_they_have() {
    let free = "127.0.0.1:0";
    let flags = ["--listen", free, "--admin", free, "--control", free];
    let output = run("job", &flags);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("count-0..7"), "{output:?}");
}

#[test]
fn the_plan_is_told_without_a_cluster() {
    let output = run("histogram", &["plan"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("StatefulSet") && text.contains("histogram-leaf"), "{text}");
}

#[test]
fn two_programs_do_not_share_a_port_and_the_second_is_told_what_to_do() {
    let (child, told) = start("hello");
    let address = after(&told, "gateway    http://").trim_end_matches('/');
    let address = address.replace("localhost", "127.0.0.1");
    let free = "127.0.0.1:0";
    let flags = ["--listen", &address, "--admin", free, "--control", free];
    let second = run("hello", &flags);
    assert_eq!(second.status.code(), Some(1));
    let why = String::from_utf8_lossy(&second.stderr);
    assert!(why.contains("--listen") && why.contains(&address), "{why}");
    assert_eq!(interrupt(child), Some(0));
}

#[test]
fn outside_of_a_pod_nobody_serves_and_what_is_wrong_is_told_with_code_3() {
    let serve = run("hello", &["serve"]);
    assert_eq!(serve.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&serve.stderr).contains("MP_ROLE"), "{serve:?}");
    let wrong = run("hello", &["--lissten", "x"]);
    assert_eq!(wrong.status.code(), Some(3));
    // Flags of a run on this machine, which a deploy would not heed.
    let mixed = run("hello", &["--listen", "127.0.0.1:0", "plan"]);
    assert_eq!(mixed.status.code(), Some(3), "{mixed:?}");
    assert!(String::from_utf8_lossy(&mixed.stderr).contains("`--listen`"), "{mixed:?}");
    let mut help = String::new();
    run("hello", &["--help"]).stdout.as_slice().read_to_string(&mut help).expect("text");
    for word in ["--control", "deploy ", "plan ", "rollback "] {
        assert!(help.contains(word), "{word} in {help}");
    }
}
