//! Where does somebody listen? On ports below those that the kernel gives to clients, so that no
//! connection of a load takes one in the meantime.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::bail;

/// Linux gives clients ports from 32768 on.
const FIRST: u16 = 20_000;
const END: u16 = 32_000;

static NEXT: AtomicU16 = AtomicU16::new(FIRST);

/// An address of loopback where nobody listens.
pub(crate) fn free() -> anyhow::Result<SocketAddr> {
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if port >= END {
            bail!("no port from {FIRST} to {END} is free");
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
}

/// Whether somebody listens at `address`.
pub(crate) fn listens(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}
