//! A gateway inside a program, to replicas inside the same program: no file, no network behind it.
//!
//! ```text
//! cargo run --example embed
//! ```

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderValue, Request, Response, header};
use metaparticle_gateway::app::Gateway;
use metaparticle_gateway::model::{
    Answer, Code, Host, KeyFn, MergeFn, Outcome, Part, Path, Replica, ReplicaName, Route, Service,
    ServiceName, World,
};
use metaparticle_gateway::request::Body;
use metaparticle_gateway::send::{Failure, LeafBody, Tower};
use metaparticle_gateway::snapshot;
use metaparticle_gateway::words::{Policy, Protocol, Scope};

/// Three shards of users, by a key of our own; `/everybody` asks all, and a merge of our own counts.
fn world() -> World {
    let users = policy(&Policy::default(), [("pattern", "shard")]);
    let all = policy(&users, [("pattern", "scatter")]);
    // The first part of the path, whatever its case.
    let key = KeyFn::new(|uri, _| Some(uri.path().split('/').nth(1)?.to_lowercase().into()));
    let code = Code { key: Some(key), merge: Some(MergeFn::new(count)) };
    let name = ServiceName::new("users");
    let route = |path: &str, policy| Route {
        host: Host::Any,
        path: Path::Prefix(path.into()),
        service: name.clone(),
        policy,
        code: code.clone(),
    };
    let replica = |number| Replica {
        name: ReplicaName::new(&format!("users-{number}")),
        // Nobody connects: the leaf below is asked instead.
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        shard: None,
        uid: None,
        ready: true,
    };
    let routes = vec![route("", Arc::clone(&users)), route("/everybody", all)];
    let replicas = (0..3).map(replica).collect();
    let protocol = Protocol::default();
    let service = Service {
        name,
        policy: users,
        protocol,
        tls: None,
        unserved: None,
        replicas,
        desired: Vec::new(),
    };
    World { services: vec![Arc::new(service)], routes }
}

/// How many answered: a merge can look at every part, and says why it makes no answer.
fn count(parts: &[Part]) -> Result<Answer, String> {
    let right = parts.iter().filter_map(|part| match &part.outcome {
        Outcome::Answered(answer) => Some(answer),
        _ => None,
    });
    let answers: Vec<_> = right.collect();
    let [first, ..] = answers.as_slice() else { return Err("nobody answered".to_owned()) };
    let body = format!("{{\"shards\":{}}}", answers.len()).into();
    Ok(Answer { body, ..(*first).clone() })
}

/// The same words as in the file and in annotations.
fn policy<'w, const N: usize>(base: &Policy, words: [(&'w str, &'w str); N]) -> Arc<Policy> {
    let (policy, mistakes) = Policy::read(base, Scope::Service, words);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    Arc::new(policy)
}

/// What a replica answers. A leaf that cannot gives a [`Failure`], and another may be asked.
async fn leaf(
    (replica, request): (Arc<snapshot::Replica>, Request<Body>),
) -> Result<Response<LeafBody>, Failure> {
    let text = format!("{{\"i am\":\"{}\",\"asked\":\"{}\"}}", replica.name, request.uri());
    let mut response = Response::new(LeafBody::whole(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (mut publisher, latest) = snapshot::channel();
    publisher.publish(&world());
    let gateway = Gateway::new(latest).listen("127.0.0.1:8080".parse()?);
    let running = gateway.start_with(|_, _| Tower(tower::service_fn(leaf)))?;
    running.ready();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "curl -i localhost:8080/alice/cart\ncurl -i localhost:8080/everybody\nCtrl-C ends"
    )?;
    tokio::signal::ctrl_c().await?;
    running.stop().await;
    Ok(())
}
