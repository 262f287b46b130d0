//! Who answers? Four replicas, each a thread that says the same to everyone.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

const REPLICAS: usize = 4;

/// Starts them; they end with the program.
pub(crate) fn start() -> anyhow::Result<Vec<SocketAddr>> {
    (0..REPLICAS).map(replica).collect()
}

fn replica(number: usize) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let body = format!(r#"[{{"id":{number},"name":"alice"}},{{"id":1{number},"name":"bob"}}]"#);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sat, 21 Nov 2026 12:00:00 \
         GMT\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A gateway that ends takes its connections with it.
            std::thread::spawn(move || serve(stream, answer.as_bytes()).ok());
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut asked = Vec::new();
    let mut space = [0; 4096];
    loop {
        let came = stream.read(&mut space)?;
        if came == 0 {
            return Ok(());
        }
        asked.extend_from_slice(&space[..came]);
        if asked.ends_with(b"\r\n\r\n") {
            asked.clear();
            stream.write_all(answer)?;
        }
    }
}
