//! How long does it take to find a request's key, by each source?

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderName, HeaderValue, Uri};
use metaparticle_benches::short;
use metaparticle_gateway::fields::Fields;
use metaparticle_gateway::key::{Facts, extract};
use metaparticle_gateway::words::ShardKey;

const SOURCES: [(&str, &str); 9] = [
    ("whole-path", ""),
    ("path", "path:^/users/([^/]+)"),
    ("header", "header:x-user"),
    ("cookie", "cookie:sid"),
    ("query", "query:id"),
    ("host", "host"),
    ("client-ip", "client-ip"),
    ("body", "body:$.user.id"),
    ("third", "header:x-none,query:none,path:^/users/([^/]+)"),
];

fn sources(criterion: &mut Criterion) {
    let mut headers = Fields::default();
    for (name, value) in [
        ("accept", "*/*"),
        ("user-agent", "curl/8.14.1"),
        ("x-user", "alice"),
        ("cookie", "theme=dark; lang=en; sid=s-7f3a"),
    ] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let uri = Uri::from_static("/users/alice/cart?view=full&id=a%20b");
    let facts = Facts {
        uri: &uri,
        headers: &headers,
        host: "shop.example",
        client: [192, 0, 2, 7].into(),
        body: Some(br#"{"user":{"id":42,"name":"alice"},"cart":[{"sku":"a","n":1}]}"#),
    };
    let mut group = criterion.benchmark_group("key");
    for (name, source) in SOURCES {
        let source = match source {
            "" => ShardKey::default(),
            source => source.parse().expect("a source of keys"),
        };
        assert!(extract(&source, facts).is_some(), "{name} finds its key");
        group.bench_function(name, |bench| bench.iter(|| extract(&source, black_box(facts))));
    }
}

criterion_group! { name = key; config = short(); targets = sources }
criterion_main!(key);
