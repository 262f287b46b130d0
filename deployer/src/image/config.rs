//! How is an image described? A configuration says how it runs, a manifest what it is made of.

use std::collections::BTreeMap;
use std::iter;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::layer::Layer;
use super::{Blob, Digest, Fault, Options, Platform, closure, root};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image, whole and in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    platform: Platform,
    /// The layers, the lowest first.
    layers: Vec<Blob>,
    config: Blob,
    manifest: Blob,
}

impl Image {
    pub(super) fn new(
        platform: Platform,
        layers: Vec<Layer>,
        entrypoint: &str,
        libraries: bool,
        options: &Options,
    ) -> Result<Self, Fault> {
        let unpacked: Vec<_> = layers.iter().map(|layer| layer.unpacked.as_str()).collect();
        let mut config = json!({
            "created": time(options.created)?,
            "architecture": platform.architecture,
            "os": "linux",
            "config": {
                "User": format!("{}:{}", options.user.0, options.user.1),
                "Env": environment(options, libraries),
                "Entrypoint": [format!("/{entrypoint}")],
                "Cmd": options.arguments,
                "WorkingDir": "/",
                "Labels": options.labels,
            },
            "rootfs": { "type": "layers", "diff_ids": unpacked },
        });
        if let Some(variant) = platform.variant {
            config["variant"] = variant.into();
        }
        let config = blob(CONFIG, &config);
        let layers: Vec<_> = layers.into_iter().map(|layer| layer.blob).collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(&config),
            "layers": layers.iter().map(described).collect::<Vec<_>>(),
        });
        if !options.labels.is_empty() {
            manifest["annotations"] = json!(options.labels);
        }
        Ok(Self { platform, layers, config, manifest: blob(MANIFEST, &manifest) })
    }

    /// The image's name: the digest of its manifest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.manifest.digest()
    }

    /// The machine it runs on.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// What it is made of: its layers, the lowest first, and its configuration.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain(iter::once(&self.config))
    }

    /// What a registry is told about it.
    #[must_use]
    pub fn manifest(&self) -> &Bytes {
        self.manifest.content()
    }

    /// How many bytes it has in all, as it is sent.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.blobs().map(Blob::size).sum::<u64>() + self.manifest.size()
    }

    /// The kind of what a registry is told.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        self.manifest.media_type()
    }

    pub(super) fn index(&self) -> Vec<u8> {
        let mut described = described(&self.manifest);
        let mut platform = json!({ "architecture": self.platform.architecture, "os": "linux" });
        if let Some(variant) = self.platform.variant {
            platform["variant"] = variant.into();
        }
        described["platform"] = platform;
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [described],
        });
        index.to_string().into_bytes()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Blob> {
        self.blobs().chain(iter::once(&self.manifest))
    }
}

fn blob(media_type: &'static str, content: &Value) -> Blob {
    Blob::new(media_type, content.to_string().into_bytes().into())
}

fn described(blob: &Blob) -> Value {
    json!({
        "mediaType": blob.media_type(),
        "digest": blob.digest().as_str(),
        "size": blob.size(),
    })
}

fn environment(options: &Options, libraries: bool) -> Vec<String> {
    let mut env = BTreeMap::from([("PATH", PATH.to_owned())]);
    if options.certificates != super::Certificates::None {
        env.insert("SSL_CERT_FILE", format!("/{}", root::AUTHORITIES));
    }
    if libraries {
        env.insert("LD_LIBRARY_PATH", format!("/{}", closure::HOME));
    }
    env.extend(options.env.iter().map(|(name, value)| (name.as_str(), value.clone())));
    env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn time(seconds: u64) -> Result<String, Fault> {
    let time = i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok());
    Ok(time.ok_or(Fault::Time(seconds))?.to_string())
}
