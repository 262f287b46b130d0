//! Does a real registry take it? Debian's `docker-registry`, open and with passwords; `skopeo` reads it there
//! as we mean it, and what it copies there is the same image.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use metaparticle::registry::{Credential, Credentials, Options, resolve};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::world::{BLOBS, image, place, pushed, quick, reference, refused};

struct Registry {
    address: SocketAddr,
    _process: Child,
}

/// A registry on a free port; it ends with the test.
async fn registry(place: &Path, auth: &str) -> Registry {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let (data, file) = (place.join("data"), place.join("config.yml"));
    let config = format!(
        "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
         http: {{ addr: {free}, secret: none }}\n{auth}",
        data.display()
    );
    fs::write(&file, config).expect("a configuration");
    let process = Command::new("docker-registry")
        .arg("serve")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(fs::File::create(place.join("log")).expect("a log"))
        .kill_on_drop(true)
        .spawn()
        .expect("docker-registry is here: `make setup` installs it");
    let up = async {
        while TcpStream::connect(free).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), up).await.expect("a registry that is up");
    Registry { address: free, _process: process }
}

async fn skopeo(args: &[&str]) -> String {
    let output = Command::new("skopeo").arg("--insecure-policy").args(args).output().await;
    let output = output.expect("skopeo is here: `make setup` installs it");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

const DIGEST: [&str; 4] = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];

#[tokio::test]
async fn an_open_registry_takes_it_skopeo_reads_it_and_no_byte_is_sent_again() {
    let place = place("real-open");
    let registry = registry(&place, "").await;
    let to = reference(registry.address, "team/hello:v1");
    let first = pushed(&to, &quick()).await;
    assert_eq!(first.skipped_blobs, 0);
    let named = format!("docker://{to}");
    assert_eq!(skopeo(&[&DIGEST[..], &[&named]].concat()).await, image().digest().as_str());
    assert_eq!(resolve(&to, &quick()).await.expect("it"), Some(image().digest().clone()));
    let again = pushed(&to, &quick()).await;
    assert_eq!((again.uploaded_bytes, again.skipped_blobs), (0, BLOBS));
    // Into another repository nothing goes either: the registry has the blobs.
    let options = Options { mount_from: Some("team/hello".to_owned()), ..quick() };
    let other = pushed(&reference(registry.address, "other"), &options).await;
    assert_eq!(other.mounted_blobs, BLOBS);
}

#[tokio::test]
async fn what_skopeo_copies_from_our_layout_is_the_image_that_we_push() {
    let place = place("real-skopeo");
    let registry = registry(&place, "").await;
    let layout = place.join("layout");
    image().write_layout(&layout).expect("a layout");
    let from = format!("oci:{}", layout.display());
    let to = format!("docker://{}/copied:v1", registry.address);
    skopeo(&["copy", "-q", "--dest-tls-verify=false", &from, &to]).await;
    assert_eq!(skopeo(&[&DIGEST[..], &[&to]].concat()).await, image().digest().as_str());
    let ours = pushed(&reference(registry.address, "copied:v1"), &quick()).await;
    assert_eq!((ours.uploaded_bytes, ours.skipped_blobs), (0, BLOBS));
}

#[tokio::test]
async fn a_registry_with_passwords_takes_it_from_who_knows_one() {
    let place = place("real-password");
    let users = Command::new("htpasswd").args(["-Bbn", "jim", "kirk"]).output().await;
    let users = users.expect("htpasswd is here: `make setup` installs it");
    fs::write(place.join("users"), users.stdout).expect("users");
    let auth =
        format!("auth: {{ htpasswd: {{ realm: r, path: {} }} }}", place.join("users").display());
    let registry = registry(&place, &auth).await;
    let to = reference(registry.address, "hello:v1");
    let who = |password: &str| {
        let (user, password) = ("jim".to_owned(), password.to_owned());
        Credentials::Given(Credential::Password { user, password })
    };
    let made = pushed(&to, &Options { credentials: who("kirk"), ..quick() }).await;
    assert_eq!(made.skipped_blobs, 0);
    let said = refused(&to, &Options { credentials: who("spock"), ..quick() }).await;
    assert!(said.contains("does not let this user into `hello`"), "{said}");
    let said = refused(&to, &quick()).await;
    assert!(said.contains("does not let strangers into `hello`"), "{said}");
}
