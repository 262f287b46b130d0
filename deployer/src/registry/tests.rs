//! Is a reference read strictly, a challenge leniently, and is a helper's answer understood?

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::challenge::parse;
use super::stored::ask;
use super::{Credential, Host, Reference};

fn read(text: &str) -> Reference {
    text.parse().unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn a_reference_is_a_registry_a_name_a_tag_and_a_digest_and_is_written_as_it_is_read() {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    for text in [
        "localhost/hello",
        "localhost:5000/hello",
        "registry.example/team/hello:v1.2_3-x",
        "10.0.0.1:5000/a/b/c",
        "[::1]:5000/hello:latest",
        "docker.io/library/hello",
        "registry.example/a.b/c__d/e---f:Tag",
        &format!("registry.example/hello@{digest}"),
        &format!("registry.example/hello:v1@{digest}"),
    ] {
        assert_eq!(read(text).to_string(), text);
    }
    let whole = read(&format!("registry.example:5000/team/hello:v1@{digest}"));
    assert_eq!(whole.registry().as_str(), "registry.example:5000");
    assert_eq!((whole.repository(), whole.tag()), ("team/hello", Some("v1")));
    assert_eq!(whole.digest().map(ToString::to_string), Some(digest));
}

#[test]
fn what_is_no_reference_is_told_what_is_wrong_with_it() {
    let check = |text: &str, wanted: &str| {
        let wrong = text.parse::<Reference>().expect_err(text).to_string();
        assert!(wrong.contains(wanted), "{text}: {wrong}");
    };
    for text in ["hello", "team/hello", "hello:v1", "", "/hello"] {
        check(text, "names no registry");
    }
    check("https://registry.example/hello", "leave out `https://`");
    check("http://localhost/hello", "--insecure-registry");
    for text in ["localhost:/hello", "localhost:0/hello", "localhost:65536/hello", "a_b.c/hello"] {
        check(text, "is no registry");
    }
    for text in ["-a.example/hello", "a..example/hello", "[::g]/hello", "host:5x/hello"] {
        check(text, "is no registry");
    }
    for name in ["Hello", "hello/", "a//b", "-a", "a_", "a...b", "a___b", "a b", "é"] {
        check(&format!("localhost/{name}"), "is no name of an image");
    }
    check(&format!("localhost/{}", "a".repeat(256)), "is no name of an image");
    for tag in ["", ".v1", "-v1", "v 1", "v1:v2", "ü"] {
        check(&format!("localhost/hello:{tag}"), "is no tag");
    }
    check(&format!("localhost/hello:{}", "a".repeat(129)), "is no tag");
    for digest in ["", "sha256:12", "md5:0123", &format!("sha256:{}", "A".repeat(64))] {
        check(&format!("localhost/hello@{digest}"), "is no digest");
    }
}

#[test]
fn only_this_machine_and_who_is_named_is_spoken_to_without_tls() {
    let host = |text: &str| text.parse::<Host>().expect("a host");
    for text in ["localhost", "localhost:5000", "kind.localhost:5000", "127.8.9.1:80", "[::1]:5000"]
    {
        assert!(host(text).is_loopback(), "{text}");
    }
    for text in ["localhost.example", "notlocalhost", "128.0.0.1", "[::2]", "10.0.0.1:5000"] {
        assert!(!host(text).is_loopback(), "{text}");
    }
    let named = ["registry.internal".to_owned(), "other:5000".to_owned()];
    assert!(host("registry.internal:80").is_in(&named) && host("other:5000").is_in(&named));
    assert!(!host("other:5001").is_in(&named) && !host("other").is_in(&named));
}

#[test]
fn a_challenge_is_read_however_it_is_written() {
    let check = |line: &str, wanted: &[(&str, &[(&str, &str)])]| {
        let read = parse(line);
        assert_eq!(read.len(), wanted.len(), "{line}: {read:?}");
        for (challenge, (scheme, params)) in read.iter().zip(wanted) {
            assert_eq!(challenge.scheme, *scheme);
            for (name, value) in *params {
                assert_eq!(challenge.param(name), Some(*value), "{line}");
            }
        }
    };
    check(
        r#"Bearer realm="https://a/b?c=d",service="e, f",scope="repository:x:pull,push""#,
        &[(
            "bearer",
            &[
                ("realm", "https://a/b?c=d"),
                ("service", "e, f"),
                ("scope", "repository:x:pull,push"),
            ],
        )],
    );
    check(r#"BASIC Realm="a \"b\"""#, &[("basic", &[("realm", r#"a "b""#)])]);
    check(
        r#"Negotiate, Basic realm=plain , Bearer realm = "x""#,
        &[("negotiate", &[]), ("basic", &[("realm", "plain")]), ("bearer", &[("realm", "x")])],
    );
    check("", &[]);
    check(r#"realm="x""#, &[]);
    check(r#"Basic realm="never closed"#, &[("basic", &[("realm", "never closed")])]);
}

async fn helped(script: &str) -> Result<Credential, String> {
    let place = std::env::temp_dir().join(format!("metaparticle-helper-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a folder");
    let program = place.join(format!("{:x}", script.len()));
    fs::write(&program, format!("#!/bin/sh\n{script}")).expect("a helper");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("rights");
    let name = program.to_string_lossy();
    let asked = ask(&name, "registry.example", Path::new("config.json")).await;
    fs::remove_file(&program).expect("it");
    asked.map_err(|fault| fault.to_string())
}

#[tokio::test]
async fn a_helper_is_asked_and_its_faults_are_told_without_its_secrets() {
    let password = r#"read server; echo "{\"ServerURL\":\"$server\",\"Username\":\"jim\",\"Secret\":\"$1 $server\"}""#;
    let found = Credential::Password {
        user: "jim".to_owned(),
        password: "get registry.example".to_owned(),
    };
    assert!(helped(password).await == Ok(found));
    // Who does not even read the question is understood, too.
    let token = r#"echo '{"Username":"<token>","Secret":"it"}'"#;
    assert!(helped(token).await == Ok(Credential::Identity("it".to_owned())));
    let none = "echo credentials not found in native keychain; exit 1";
    assert!(helped(none).await == Ok(Credential::Anonymous));
    let said = helped("echo locked >&2; exit 3").await.expect_err("a fault");
    assert!(said.contains("which config.json names, fails: locked (exit status: 3)"), "{said}");
    let said = helped("echo s3cret").await.expect_err("a fault");
    assert!(said.contains("no Username and Secret in JSON") && !said.contains("s3cret"), "{said}");
    let gone = ask("docker-credential-nowhere", "x", Path::new("config.json")).await;
    let said = gone.expect_err("a fault").to_string();
    assert!(said.contains("the credential helper docker-credential-nowhere"), "{said}");
}
