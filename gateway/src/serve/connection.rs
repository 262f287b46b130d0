//! How is one connection served? As what its first bytes say it is: HTTP/1, or HTTP/2.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::Version;
use tokio::io::{AsyncRead, AsyncWrite};

use super::http1::{Conversation, Over};
use super::life::{Life, Wish};
use super::{Door, Entered, http2};
use crate::model::Answer;
use crate::request::{Arrived, Keep, Peer, Rejected};
use crate::respond::Body;
use crate::send::Carrier;

/// What the requests of one connection have in common.
#[derive(Debug)]
pub(super) struct Connection<C> {
    pub(super) door: Arc<Door<C>>,
    peer: Peer,
    pub(super) life: Arc<Life>,
    entered: Arc<Entered>,
}

impl<C: Carrier> Door<C> {
    /// Serves `stream` to its end.
    pub(super) async fn serve<S>(
        self: Arc<Self>,
        stream: S,
        address: SocketAddr,
        secure: bool,
        entered: Arc<Entered>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let life = self.lives.begin();
        let peer = Peer::new(address, secure, &self.trust);
        let connection = Connection { door: self, peer, life: Arc::clone(&life), entered };
        let mut serving = pin!(async move {
            // Boxed, what only some connections need.
            if let Over::Http2(stream, early) = Conversation::new(stream, &connection).run().await {
                Box::pin(http2::serve(stream, early, Arc::new(connection))).await;
            }
        });
        std::future::poll_fn(|cx| match life.wish(cx) {
            Wish::End => Poll::Ready(()),
            Wish::Stay | Wish::Leave => serving.as_mut().poll(cx),
        })
        .await;
    }
}

impl<C: Carrier> Connection<C> {
    /// What a tunnel holds: it counts as a connection for as long as it is open.
    pub(super) fn keep(&self) -> Keep {
        Keep::new(Arc::clone(&self.entered))
    }

    /// Answers the request that `came`; `fault` is what is wrong with it.
    pub(super) async fn answer(&self, came: &mut Arrived, fault: Option<Rejected>) -> Answer<Body> {
        let counted = self.life.request();
        let last = self.door.drain.is_lame();
        let mut answer = self.door.handle.handle(came, &self.peer, fault, last).await;
        answer.body.count(counted);
        if came.as_it_came().version == Version::HTTP_2 {
            answer.body.watch(self.life.stream());
        }
        answer
    }
}
