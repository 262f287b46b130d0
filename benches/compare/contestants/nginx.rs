//! How does nginx take part, and how does it scatter, with Lua?

use std::process::Command;

use anyhow::ensure;

use super::{Place, fill, says};
use crate::works::{Door, Merge, Pattern};

const FILE: &str = include_str!("../peers/nginx.conf");
const LOCATION: &str = include_str!("../peers/nginx-location.conf");
const LUA: &str = include_str!("../peers/nginx-lua.conf");
const MODULES: [&str; 2] = ["ndk_http_module.so", "ngx_http_lua_module.so"];
const MODULES_IN: &str = "/usr/lib/nginx/modules";

/// How the leaves' answers become one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Merger {
    /// Their texts are cut and joined; nobody looks whether they are JSON.
    Splice,
    /// They are read and written.
    Cjson,
}

pub(super) fn version() -> anyhow::Result<String> {
    says("nginx", "-v")
}

pub(super) fn lua_version() -> anyhow::Result<String> {
    let version = version()?;
    for module in MODULES {
        let file = format!("{MODULES_IN}/{module}");
        let there = std::fs::exists(&file).unwrap_or(false);
        ensure!(there, "{file} is not there: apt-get install libnginx-mod-http-lua");
    }
    Ok(format!("{version}, libnginx-mod-http-lua"))
}

pub(super) fn plain(place: &Place<'_>) -> anyhow::Result<Command> {
    let (key, balance) = match place.work.pattern {
        Pattern::ByHeader => ("", "hash $http_x_user consistent;"),
        Pattern::ByPath => (
            "    map $uri $user { ~^/users/(?<name>[^/]+) $name; default $uri; }",
            "hash $user consistent;",
        ),
        Pattern::Spread | Pattern::Scatter(_) => ("", ""),
    };
    let servers = place.origins.lines(|_, replica| format!("        server {};", replica.address));
    start(place, "", key, &upstream("origins", balance, &servers), LOCATION)
}

pub(super) fn lua(place: &Place<'_>, merger: Merger) -> anyhow::Result<Command> {
    let upstreams = place.origins.lines(|number, replica| {
        upstream(&format!("leaf{number}"), "", &format!("        server {};", replica.address))
    });
    let leaves: Vec<_> =
        (0..place.work.replicas).map(|leaf| format!("{{'/leaf{leaf}'}}")).collect();
    let (merge, kind) = match (place.work.pattern, merger) {
        (Pattern::Scatter(Merge::Object), Merger::Splice) => ("merge.splice", "{}"),
        (_, Merger::Splice) => ("merge.splice", "[]"),
        (Pattern::Scatter(Merge::Object), Merger::Cjson) => ("merge.objects", ""),
        (_, Merger::Cjson) => ("merge.arrays", ""),
    };
    let values =
        [("LEAVES", leaves.join(", ")), ("MERGE", merge.to_owned()), ("KIND", kind.to_owned())];
    let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let modules: String =
        MODULES.iter().map(|module| format!("load_module {MODULES_IN}/{module};\n")).collect();
    let script = include_str!("../peers/merge.lua");
    place.folder.write("merge.lua", script)?;
    let path = format!("    lua_package_path '{}/?.lua;;';", place.folder.path().display());
    start(place, &modules, &path, &upstreams, &fill(LUA, &values)?)
}

fn upstream(name: &str, balance: &str, servers: &str) -> String {
    // As many as there may be clients at a time: none is opened twice.
    format!(
        "    upstream {name} {{\n        {balance}\n{servers}\n        keepalive 1024;\n        \
         keepalive_requests 100000000;\n        keepalive_timeout 600s;\n    }}"
    )
}

fn start(
    place: &Place<'_>,
    modules: &str,
    key: &str,
    upstreams: &str,
    locations: &str,
) -> anyhow::Result<Command> {
    let certificate = place.certificate;
    let (door, tls) = match place.work.door {
        Door::Http1 => ("", String::new()),
        Door::Http2 => (" http2", String::new()),
        Door::Tls => {
            let (chain, key) = (certificate.chain.display(), certificate.key.display());
            let files = format!("ssl_certificate {chain};\n        ssl_certificate_key {key};");
            (" ssl", format!("        {files}\n        ssl_session_cache shared:tls:10m;"))
        }
    };
    let (listen, folder) = (place.listen.to_string(), place.folder.path().display().to_string());
    let values = [
        ("FOLDER", folder.as_str()),
        ("MODULES", modules),
        ("KEY", key),
        ("UPSTREAMS", upstreams),
        ("LISTEN", &listen),
        ("DOOR", door),
        ("TLS", &tls),
        ("LOCATIONS", locations),
    ];
    let file = place.write("nginx.conf", FILE, &values)?;
    let mut command = Command::new("nginx");
    // The log is named twice: until it has read its file, it would write to where it was built for.
    command.arg("-e").arg(place.folder.file("nginx-error.log")).arg("-c").arg(file);
    Ok(command)
}
