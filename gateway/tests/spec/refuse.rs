//! What is refused at the door, and in whose words?

use http::Method;

use crate::world::{never, world};

#[tokio::test(start_paused = true)]
async fn what_may_not_go_on_is_told_why() {
    let world = world("", "a");
    world.get("/a/../b").await.is(400).has("content-type", "application/problem+json");
    world.ask(Method::CONNECT, "/").await.is(501);
    world.get("/").header("host", "other.example").await.is(400);
    let mut many = world.get("/");
    for field in 0..128 {
        many = many.header(&format!("x-{field}"), "1");
    }
    many.await.is(431);
    world.get("/").header("connection", "metaparticle-shard").await.is(400);
    assert_eq!(world.who(), "");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_grpc_client_is_refused_in_its_own_words() {
    let world = world("timeout: 1s", "a").replica("a", never());
    let grpc = world.post("/s/M").header("content-type", "application/grpc+proto");
    let answer = grpc.await.is(200).has("grpc-status", "4").has("content-type", "application/grpc");
    answer.took(1000);
}

#[tokio::test(start_paused = true)]
async fn the_headers_of_the_hop_end_here() {
    let world = world("", "a");
    let ask = world.get("/").header("connection", "x-hop").header("x-hop", "1");
    ask.header("keep-alive", "timeout=5").header("accept", "*/*").await.is(200);
    let asked = &world.asked()[0];
    assert_eq!((asked.header("x-hop"), asked.header("keep-alive")), (None, None));
    assert_eq!((asked.header("accept"), asked.header("host")), (Some("*/*"), Some("web.example")));
    assert_eq!(asked.header("x-forwarded-for"), Some("192.0.2.7"));
}
