//! What runs in the examples' pods? A server that says who it is: `/items` is its part of a list, all
//! else says which replica was asked for what, and as which shard.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::spawn;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The longest body that is read, and forgotten.
const LONGEST: u64 = 1 << 20;

fn main() -> Result<()> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")?.trim_end().to_owned();
    for stream in TcpListener::bind("0.0.0.0:8080")?.incoming() {
        let (stream, name) = (stream?, name.clone());
        // A client that goes away in the middle is its own affair.
        spawn(move || serve(stream, &name).map_err(drop));
    }
    Ok(())
}

/// Answers request after request, for as long as the client wants to ask.
fn serve(stream: TcpStream, name: &str) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let path = first.split(' ').nth(1).ok_or("no path")?;
        let (mut shard, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((field, value)) = line.trim_end().split_once(':') else { break };
            match field.to_ascii_lowercase().as_str() {
                "metaparticle-shard" => shard = Some(value.trim().to_owned()),
                "content-length" => length = value.trim().parse::<u64>()?.min(LONGEST),
                _ => {}
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        let body = body(name, path, shard.as_deref());
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        write!(writer, "{head}content-length: {length}\r\n\r\n{body}")?;
    }
}

fn body(name: &str, path: &str, shard: Option<&str>) -> String {
    if path.starts_with("/items") {
        return format!("[\"{name}: one\", \"{name}: two\"]\n");
    }
    let shard = shard.map_or_else(|| "null".to_owned(), |shard| format!("\"{shard}\""));
    // Paths and names that came this far have no quotes.
    format!("{{\"replica\": \"{name}\", \"shard\": {shard}, \"path\": \"{path}\"}}\n")
}
