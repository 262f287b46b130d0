//! Does the built program do what it says, over real sockets? It is started on ports of the system's
//! choice, before replicas that run in this process and tell what reached them.
//!
//! Needed besides cargo: `curl`, with HTTP/2. Nothing waits for a time where it can wait for an event;
//! what is waited for comes [`soon`](world::soon), or the test fails. The tests that need real time
//! say so: a head that trickles in, and drains.

mod cancel;
mod client;
mod curl;
mod door;
mod forwarding;
mod grpc;
mod http1;
mod http2;
mod journeys;
mod load;
mod operators;
mod replica;
mod secure;
mod streaming;
mod tls;
mod websocket;
mod world;
