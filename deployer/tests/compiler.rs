//! Does the built `mp-compiler` behave as its callers expect? All that needs no cluster; what needs one is in
//! `deploy/e2e/tests/cluster/compiler.rs`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Deserializer, Value, json};

const JOB: &str =
    r#"{"name":"j","jobs":[{"name":"j","replicas":4,"containers":[{"image":"r/j"}]}]}"#;

/// A folder of its own, with `spec` in it.
fn folder(name: &str, spec: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("compiler-{name}"));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("spec.json"), spec).expect("a spec");
    folder
}

/// What it says to `line` in `folder`, where no cluster is known.
fn compiler(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mp-compiler"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

#[track_caller]
fn check(name: &str, spec: &str, line: &str, code: i32, told: &str) -> Output {
    let folder = folder(name, spec);
    let output = compiler(&folder, line);
    let heard = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{line}: {heard}");
    assert!(heard.contains(told), "{line}: {heard}");
    assert!(!folder.join(".metaparticle").exists(), "{line} writes files");
    output
}

/// The kinds of the objects that were printed.
fn kinds(output: &Output) -> Vec<String> {
    let objects = Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    objects
        .map(|object| object.expect("JSON")["kind"].as_str().expect("a kind").to_owned())
        .collect()
}

#[test]
fn a_dry_run_prints_all_objects_and_asks_no_cluster() {
    let shards = include_str!("golden/specs/javascript-shards.json");
    let output =
        check("dry-shards", shards, "-f spec.json --dry-run", 0, "note: `s-sharder` leads");
    let expected = ["Service", "Service", "StatefulSet", "PodDisruptionBudget", "Ingress"];
    assert_eq!(kinds(&output), expected);
    let output = check("dry-job", JOB, "--file=spec.json --dry-run=true", 0, "");
    assert_eq!(kinds(&output), ["Job"]);
    let output =
        check("dry-delete", JOB, "-fspec.json --dry-run --delete", 0, "would delete Job/j-");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_spec_comes_from_the_input_too() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mp-compiler"))
        .args(["-f", "-", "--dry-run"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    child.stdin.take().expect("a pipe").write_all(JOB.as_bytes()).expect("it reads");
    assert_eq!(kinds(&child.wait_with_output().expect("it ends")), ["Job"]);
}

#[test]
fn what_asks_for_nothing_is_no_failure_and_says_so() {
    let nothing = include_str!("golden/specs/go-nothing.json");
    check("nothing", nothing, "-f spec.json --dry-run", 0, "note: nothing to deploy");
}

#[test]
fn what_is_wrong_is_told_with_what_to_do_and_a_code() {
    check("no-spec", JOB, "", 2, "--file/-f or --name/-n is required");
    check("no-server", JOB, "-n web", 2, "say which with --host");
    check("flag", JOB, "--flie spec.json", 2, "unknown flag: --flie\n`mp-compiler --help`");
    check("no-file", JOB, "-f other.json", 3, "other.json cannot be read: No such file");
    check("docker", JOB, "-f spec.json --executor=docker", 3, "leave --executor out");
    check("aci", JOB, "-f spec.json --executor aci", 3, "the executor `aci` is not here");
    check("null", "null", "-f spec.json", 3, "the spec is `null`");
    let mistakes = include_str!("golden/specs/mistakes.json");
    let output =
        check("mistakes", mistakes, "-f spec.json --dry-run", 3, "services[0].ports[0].number");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.lines().count() > 8, "all mistakes at once: {told}");
    check("no-cluster", JOB, "-f spec.json", 4, "no cluster is known: set KUBECONFIG");
    check("nobody", JOB, "-n web --host 127.0.0.1 --port 1", 1, "nobody answers at 127.0.0.1:1");
    check(
        "gateway",
        JOB,
        "-f spec.json --gateway A_B --kubeconfig none",
        3,
        "METAPARTICLE_GATEWAY: found `A_B`",
    );
}

#[test]
fn who_only_listens_waits_for_an_api_server_that_is_away() {
    let folder = folder("attach", JOB);
    let config = json!({ "current-context": "a",
        "contexts": [{ "name": "a", "context": { "cluster": "a", "user": "a" } }],
        "clusters": [{ "name": "a", "cluster": { "server": "http://127.0.0.1:1" } }],
        "users": [{ "name": "a", "user": {} }] });
    fs::write(folder.join("config"), config.to_string()).expect("a kubeconfig");
    let mut child = Command::new(env!("CARGO_BIN_EXE_mp-compiler"))
        .args(["-f", "spec.json", "--deploy=false", "--attach=true", "--kubeconfig", "config"])
        .current_dir(&folder)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let told = BufReader::new(child.stderr.take().expect("a pipe"));
    let lines: Vec<_> = told.lines().map_while(Result::ok).take(1).collect();
    let ended = child.try_wait().expect("a child");
    child.kill().expect("it is there");
    child.wait().expect("it ends");
    assert!(lines[0].contains("pods cannot be watched"), "{lines:?}");
    assert_eq!(ended, None);
}

#[test]
fn help_lists_every_flag_and_is_no_failure() {
    let output = check("help", JOB, "--help", 0, "");
    let text = String::from_utf8_lossy(&output.stdout);
    let expected = include_str!("golden/help.txt");
    assert_eq!(text, expected);
}
