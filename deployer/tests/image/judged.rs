//! Does somebody else read it as we mean it? `skopeo` judges the layout and the archive.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use metaparticle::image::{self, Image, Options};
use serde_json::Value;

use crate::programs::{dynamic, place};

fn inspected(what: &str, more: &[&str]) -> Value {
    let skopeo = Command::new("skopeo").arg("inspect").args(more).arg(what).output();
    let skopeo = skopeo.expect("skopeo is here: `make setup` installs it");
    assert!(skopeo.status.success(), "{}", String::from_utf8_lossy(&skopeo.stderr));
    serde_json::from_slice(&skopeo.stdout).expect("JSON")
}

fn check(image: &Image, what: &str) {
    let read = inspected(what, &[]);
    assert_eq!(read["Digest"], image.digest().as_str());
    assert_eq!(read["Os"], "linux");
    assert_eq!(format!("linux/{}", read["Architecture"].as_str().expect("one")), {
        image.platform().to_string().trim_end_matches("/v8").to_owned()
    });
    assert_eq!(read["Labels"]["org.opencontainers.image.title"], "hello");
    let layers: Vec<_> = image.blobs().map(|blob| Value::from(blob.digest().as_str())).collect();
    assert_eq!(read["Layers"].as_array().expect("layers")[..], layers[..3]);
    let config = inspected(what, &["--config"]);
    assert_eq!(config["config"]["Entrypoint"][0], "/hello");
    assert_eq!(config["config"]["User"], "65532:65532");
    let env = config["config"]["Env"].to_string();
    assert!(env.contains("SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"), "{env}");
    assert!(env.contains("\"MODE=test\""), "{env}");
}

/// What skopeo makes of it in another layout: it unpacks nothing, but checks every digest on the way.
fn copied(from: &str, place: &Path) -> String {
    let to = format!("oci:{}:copy", place.join("copy").display());
    let skopeo =
        Command::new("skopeo").args(["--insecure-policy", "copy", "-q", from, &to]).output();
    let skopeo = skopeo.expect("skopeo");
    assert!(skopeo.status.success(), "{}", String::from_utf8_lossy(&skopeo.stderr));
    inspected(&to, &[])["Digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn skopeo_reads_the_layout_and_the_archive_as_we_mean_them() {
    let place = place("judged");
    let labels = [("org.opencontainers.image.title", "hello")];
    let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let options = Options {
        labels: labels.map(text).into(),
        env: BTreeMap::from([text(("MODE", "test"))]),
        ..Options::default()
    };
    let image = image::of(dynamic(), &options).expect("an image");
    let (folder, file) = (place.join("layout"), place.join("hello.tar"));
    image.write_layout(&folder).expect("a layout");
    image.write_layout(&folder).expect("a layout over a layout");
    image.write_tar(&file).expect("an archive");
    for what in [format!("oci:{}", folder.display()), format!("oci-archive:{}", file.display())] {
        check(&image, &what);
        assert_eq!(copied(&what, &place), image.digest().as_str());
    }
}
