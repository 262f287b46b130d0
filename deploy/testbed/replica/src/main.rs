//! What runs in the tests' pods? `replica` answers every request with its host's name; `replica ask URL…`
//! asks each, prints the answers, and ends.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _, stderr, stdout};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Names and service addresses work a moment after the objects that they stand for, and nobody tells
/// when: so it asks again for so long, ten times a second.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
const SILENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let args = env::args().skip(1).collect::<Vec<_>>();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _told = writeln!(stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    match args {
        [] => serve(),
        [verb, urls @ ..] if verb == "ask" => {
            for url in urls {
                writeln!(stdout(), "{}", patiently(url)?)?;
            }
            Ok(())
        }
        _ => Err("usage: replica, or replica ask URL…".into()),
    }
}

fn serve() -> Result<()> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")?.trim_end().to_owned();
    for stream in TcpListener::bind("0.0.0.0:8080")?.incoming() {
        let (stream, name) = (stream?, name.clone());
        // A client that goes away in the middle is its own affair.
        spawn(move || answer(stream, &name).map_err(drop));
    }
    Ok(())
}

fn answer(mut stream: TcpStream, name: &str) -> Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut lines = BufReader::new(&stream).lines();
    writeln!(stdout(), "{}", lines.next().ok_or("nothing was asked")??)?;
    // To the head's end: a connection that is closed with bytes unread is reset, and its answer lost.
    while !lines.next().ok_or("the head has no end")??.is_empty() {}
    let length = name.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{name}");
    Ok(stream.write_all(answer.as_bytes())?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no runtime here whose clock could be asked"
)]
fn patiently(url: &str) -> Result<String> {
    let begun = Instant::now();
    loop {
        match ask(url) {
            Err(_) if begun.elapsed() < PATIENCE => sleep(PAUSE),
            outcome => return outcome.map_err(|error| format!("{url}: {error}").into()),
        }
    }
}

fn ask(url: &str) -> Result<String> {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or("it is not http://HOST:PORT/PATH")?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, name)) if head.starts_with("HTTP/1.1 200") => Ok(name.to_owned()),
        _ => Err(format!("a strange answer: {answer}").into()),
    }
}
