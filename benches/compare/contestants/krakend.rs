//! How does KrakenD take part? By its engine and router, in `benches/compare/krakend`.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{Place, says};
use crate::works::{Merge, Pattern};

pub(super) fn version(peers: &Path) -> anyhow::Result<String> {
    says(peers.join("krakend"), "--version")
}

/// It merges objects by itself, and arrays by its flatmap: each leaf's array is a field, and all are
/// appended to the first one.
pub(super) fn command(place: &Place<'_>) -> anyhow::Result<Command> {
    let arrays = place.work.pattern == Pattern::Scatter(Merge::Array);
    let field = |leaf: usize| {
        if leaf == 0 { "collection".to_owned() } else { format!("part{leaf:02}") }
    };
    let leaves = place.origins.replicas.iter().enumerate();
    let backends: Vec<Value> = leaves
        .map(|(leaf, replica)| {
            let host = format!("http://{}", replica.address);
            let mut backend =
                json!({ "url_pattern": "/", "host": [host], "disable_host_sanitize": true });
            if arrays {
                backend["is_collection"] = json!(true);
                if leaf > 0 {
                    backend["mapping"] = json!({ "collection": field(leaf) });
                }
            }
            backend
        })
        .collect();
    let mut endpoint = json!({ "endpoint": "/", "method": "GET", "backend": backends });
    if arrays {
        let appended = 1..place.work.replicas;
        let filter: Vec<Value> = appended
            .map(|leaf| json!({ "type": "append", "args": [field(leaf), "collection"] }))
            .collect();
        endpoint["output_encoding"] = json!("json-collection");
        endpoint["extra_config"] =
            json!({ "github.com/devopsfaith/krakend/proxy": { "flatmap_filter": filter } });
    }
    let settings = json!({
        "version": 3,
        "port": place.listen.port(),
        "listen_ip": place.listen.ip(),
        "timeout": "5s",
        // Its documentation: raise this above the default of 250 when one backend gets all requests.
        "max_idle_connections_per_host": 1024,
        "max_idle_connections": 65536,
        "endpoints": [endpoint],
    });
    let file = place.folder.write("krakend.json", &serde_json::to_string_pretty(&settings)?)?;
    let mut command = Command::new(place.peers.join("krakend"));
    // One thread runs Go at a time: one worker, as all the others have.
    command.env("GOMAXPROCS", "1").arg(file);
    Ok(command)
}
