//! The same through a gateway that listens, over connections to two hundred replicas that listen too.
//! Three threads: the gateway's worker, the replicas, and who asks.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::future::join;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metaparticle_benches::picture;
use metaparticle_gateway::app::Gateway;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::leaves::{self, LEAVES, Leaves, REPLICAS};
use crate::paused::is_whole;
use crate::trial::{Run, Trial, ask_all};

/// One trial; as true as the clock on the wall.
pub(crate) fn run(trial: &Trial) -> anyhow::Result<Run> {
    let (replicas, clients) = (runtime()?, runtime()?);
    let (leaves, listeners) = replicas.block_on(async {
        let listeners = (0..LEAVES * REPLICAS).map(|_| listen());
        anyhow::Ok((Leaves::new(trial), listeners.collect::<anyhow::Result<Vec<_>>>()?))
    })?;
    let addresses: Vec<_> =
        listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>()?;
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            replicas.block_on(async {
                for listener in listeners {
                    Handle::current().spawn(accept(listener, leaves.clone()));
                }
                // The end of the other side ends it as well.
                stopped.await.ok();
            });
        });
        let run = clients.block_on(through_gateway(trial, &addresses, &leaves));
        drop(stop);
        run
    })
}

async fn through_gateway(
    trial: &Trial,
    addresses: &[SocketAddr],
    leaves: &Leaves,
) -> anyhow::Result<Run> {
    let world = leaves::world(trial.hedge, addresses)?;
    let (_publisher, latest) = picture(&world);
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let running = Gateway::new(latest.clone()).listen(any).start()?;
    running.ready();
    let address = running.address().context("it listens")?;
    let answers = ask_all(trial, || ask(address)).await;
    running.stop().await;
    let snapshot = latest.load();
    let service = snapshot.service("leaves").context("the service is there")?;
    Run::of(answers?, leaves, &service.live)
}

/// One answer, over a connection of its own.
async fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/").header(HOST, "leaves.example").body(Empty::<Bytes>::new())?;
    // Takes the sender along: once it is gone the connection ends.
    let answer = async move {
        let response = sender.send_request(request).await?;
        ensure!(response.status().is_success(), "{response:?}");
        is_whole(&response.into_body().collect().await?.to_bytes())
    };
    let (answer, connection) = join(answer, connection).await;
    connection?;
    answer
}

async fn accept(listener: TcpListener, leaves: Leaves) {
    while let Ok((stream, _)) = listener.accept().await {
        Handle::current().spawn(serve(stream, leaves.clone()));
    }
}

async fn serve(stream: TcpStream, leaves: Leaves) {
    stream.set_nodelay(true).ok();
    let service = service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(leaves.answer().await.map(Full::new))
    });
    // How a connection ends is the gateway's affair: it closes those of requests it gives up.
    server::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

fn listen() -> anyhow::Result<TcpListener> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(TcpListener::from_std(listener)?)
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
