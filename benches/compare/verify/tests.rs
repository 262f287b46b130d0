//! Is a gateway that answers wrong found out? The replicas themselves, and a relay that knows nothing
//! of keys, stand in for one.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};

use super::{Alike, Judge};
use crate::certificate::Certificate;
use crate::client::Client;
use crate::origin::Origins;
use crate::works::{self, Work};

/// What is said of whoever `stands` before the replicas of a work.
fn check<F>(name: &str, stands: impl FnOnce(Vec<SocketAddr>) -> F) -> Result<Alike, String>
where
    F: Future<Output = SocketAddr>,
{
    let work: &Work = works::find(name).expect("a work");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let certificate = Certificate::make().expect("a certificate");
        let client = Client::new(&certificate).expect("a client");
        let origins = Origins::start(work).expect("replicas");
        let addresses = origins.replicas.iter().map(|replica| replica.address).collect();
        let address = stands(addresses).await;
        let judged = Judge::new(work, &origins).check(address, &client).await;
        judged.map_err(|error| format!("{error:#}"))
    })
}

/// The first replica, without anybody before it.
async fn the_first(replicas: Vec<SocketAddr>) -> SocketAddr {
    replicas[0]
}

/// A relay that takes the replicas in turn, a connection each.
async fn in_turn(replicas: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    Handle::current().spawn(async move {
        for replica in replicas.into_iter().cycle() {
            let (mut client, _) = listener.accept().await.expect("a client");
            let mut upstream = TcpStream::connect(replica).await.expect("a replica");
            Handle::current().spawn(async move {
                copy_bidirectional(&mut client, &mut upstream).await.ok();
            });
        }
    });
    address
}

#[test]
fn whoever_takes_all_replicas_in_turn_spreads() {
    assert_eq!(check("spread", in_turn), Ok(Alike::Bytes));
}

#[test]
fn whoever_takes_one_replica_does_not_spread() {
    let said = check("spread", the_first).expect_err("one of four");
    assert!(said.contains("only 1"), "{said}");
}

#[test]
fn whoever_looks_at_no_key_does_not_shard() {
    for work in ["shard-header", "shard-path"] {
        let said = check(work, in_turn).expect_err("the next one, whoever asks");
        assert!(said.contains("first, and then to"), "{said}");
    }
}

#[test]
fn whoever_has_one_leaf_does_not_scatter() {
    for work in ["scatter-4", "scatter-4-object"] {
        let said = check(work, the_first).expect_err("a quarter of it");
        assert!(said.contains("it answers"), "{said}");
    }
}
