//! Who may push? Whoever the registry lets, told in the way that it asks for, and nobody else hears of it.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use metaparticle::registry::{Credential, Credentials, Options};
use serde_json::json;

use crate::fake::{Fails, Fake, IDENTITY, Names, PASSWORD, Wants, basic};
use crate::world::{BLOBS, place, pushed, quick, reference, refused};

fn password() -> Credential {
    Credential::Password { user: PASSWORD.0.to_owned(), password: PASSWORD.1.to_owned() }
}

fn given(credential: Credential) -> Options {
    Options { credentials: Credentials::Given(credential), ..quick() }
}

#[tokio::test]
async fn a_password_is_told_only_when_it_is_asked_for() {
    let fake = Fake::start(|state| state.wants = Wants::Basic).await;
    pushed(&reference(fake.address, "hello"), &given(password())).await;
    let told = fake.look(|state| state.told.clone());
    assert_eq!(told[0], None);
    assert_eq!(*told.last().expect("one"), Some(basic()));
    let open = Fake::start(|_| {}).await;
    pushed(&reference(open.address, "hello"), &given(password())).await;
    assert!(open.look(|state| state.told.iter().all(Option::is_none)));
}

#[tokio::test]
async fn a_token_is_got_once_for_all_blobs_and_for_both_repositories_of_a_mount() {
    let fake = Fake::start(|state| state.wants = Wants::Bearer).await;
    let options = Options { mount_from: Some("base".to_owned()), ..given(password()) };
    pushed(&reference(fake.address, "team/hello"), &options).await;
    assert_eq!(fake.asked("GET /token?x=y&service=fake%2C%20with%20a%20comma&scope="), 1);
    let scopes = fake.look(|state| state.scopes.clone());
    assert_eq!(scopes, ["repository:team%2Fhello:pull,push", "repository:base:pull"]);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_for_one_that_is_good_here() {
    let fake = Fake::start(|state| state.wants = Wants::Identity).await;
    let identity = Credential::Identity(IDENTITY.to_owned());
    pushed(&reference(fake.address, "hello"), &given(identity)).await;
    assert_eq!(fake.asked("POST /token"), 1);
    assert_eq!(fake.look(|state| state.blobs.len()), BLOBS);
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_a_push_is_got_anew() {
    let fails = [("PUT /v2/upload/", Fails::Forgets), ("PUT /v2/hello/manifests/", Fails::Forgets)];
    let fake =
        Fake::start(|state| (state.wants, state.fails) = (Wants::Bearer, fails.into())).await;
    pushed(&reference(fake.address, "hello"), &given(password())).await;
    assert!(fake.asked("GET /token") >= 3, "at the beginning, in a blob and in a manifest");
    assert_eq!(fake.look(|state| state.blobs.len()), BLOBS);
}

#[tokio::test]
async fn who_is_not_let_in_is_told_who_it_was_what_the_registry_says_and_what_to_do() {
    // An answer to `HEAD` has no words.
    let check = async |wants, credential, who: &str, words: &str| {
        let fake = Fake::start(|state| state.wants = wants).await;
        let said = refused(&reference(fake.address, "hello"), &given(credential)).await;
        let registry = fake.address;
        let wanted = format!(
            "{registry} does not let {who} into `hello`{words}: `docker login {registry}` as somebody who may"
        );
        assert_eq!(said, wanted);
        assert!(fake.asked("") < 12, "it is not asked again and again");
    };
    let wrong = || Credential::Password { user: "jim".to_owned(), password: "no".to_owned() };
    check(Wants::Basic, Credential::Anonymous, "strangers", "").await;
    check(Wants::Basic, wrong(), "this user", "").await;
    check(Wants::Bearer, Credential::Anonymous, "strangers", ": DENIED wrong password").await;
    check(Wants::Bearer, wrong(), "this user", ": DENIED wrong password").await;
    let token = Credential::Token("old".to_owned());
    check(Wants::Bearer, token, "this token", "").await;
}

#[tokio::test]
async fn another_host_that_takes_the_upload_hears_no_secret() {
    let other = Fake::start(|_| {}).await;
    let names = Names::Elsewhere(other.address);
    let fake = Fake::start(|state| (state.wants, state.names) = (Wants::Basic, names)).await;
    // The registry has the blobs when the other host has them.
    let shared = std::sync::Arc::clone(&fake.state);
    pushed(&reference(fake.address, "hello"), &given(password())).await;
    assert_eq!(other.look(|state| state.blobs.len()), BLOBS);
    assert!(other.look(|state| state.told.iter().all(Option::is_none)));
    assert!(other.asked("PUT /v2/upload/uploads/1?sig=x&digest=") == BLOBS);
    assert_eq!(shared.lock().expect("a state").blobs.len(), 0);
}

const ELSEWHERE: &[(&str, &str)] =
    &[("www-authenticate", "Bearer realm=\"http://token.invalid/t\"")];

#[tokio::test]
async fn nothing_is_sent_where_others_could_read_it() {
    let fake = Fake::start(|state| state.names = Names::Unprotected).await;
    let said = refused(&reference(fake.address, "hello"), &quick()).await;
    assert!(said.contains("http://registry.invalid/v2/upload/1 is not protected by TLS"), "{said}");
    let fails = [("HEAD", Fails::With(StatusCode::UNAUTHORIZED, ELSEWHERE, "")); BLOBS + 1];
    let fake = Fake::start(|state| state.fails = fails.into()).await;
    let said = refused(&reference(fake.address, "hello"), &given(password())).await;
    assert!(said.contains("http://token.invalid/t is not protected by TLS"), "{said}");
}

#[tokio::test]
async fn a_token_server_that_falls_silent_is_not_waited_for_without_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let realm: &str = format!("Bearer realm=\"http://{address}/t\"").leak();
    let head: &[_] = vec![("www-authenticate", realm)].leak();
    let fails = [("HEAD", Fails::With(StatusCode::UNAUTHORIZED, head, "")); BLOBS + 1];
    let fake = Fake::start(|state| state.fails = fails.into()).await;
    let silence = std::time::Duration::from_millis(50);
    let options = Options { silence, attempts: 1, ..given(password()) };
    let said = refused(&reference(fake.address, "hello"), &options).await;
    let wanted = format!("a token from http://{address}/t: the registry was silent for");
    assert!(said.starts_with(&wanted), "{said}");
}

async fn with_config(config: serde_json::Value, wants: Wants, test: &str) -> Result<Fake, String> {
    let fake = Fake::start(|state| state.wants = wants).await;
    let file = place(test).join("config.json");
    let text = config.to_string().replace("REGISTRY", &fake.address.to_string());
    fs::write(&file, text).expect("a file");
    let options = Options { credentials: Credentials::File(file), ..quick() };
    let to = reference(fake.address, "team/hello");
    let (made, _) = crate::world::push(&to, &options).await;
    made.map(|_| fake).map_err(|fault| fault.to_string())
}

#[tokio::test]
async fn credentials_are_found_as_docker_and_podman_write_them() {
    let auth = BASE64_STANDARD.encode(format!("{}:{}", PASSWORD.0, PASSWORD.1));
    let wrong = BASE64_STANDARD.encode("jim:wrong");
    let configs = [
        json!({ "auths": { "REGISTRY": { "auth": auth } } }),
        json!({ "auths": { "https://REGISTRY/v1/": { "auth": auth.trim_end_matches('=') } } }),
        json!({ "auths": { "REGISTRY": { "auth": wrong }, "REGISTRY/team": { "auth": auth } } }),
        json!({ "auths": { "REGISTRY": { "username": PASSWORD.0, "password": PASSWORD.1 } } }),
    ];
    for config in configs {
        let made = with_config(config.clone(), Wants::Bearer, "config").await;
        assert!(made.is_ok(), "{config}: {:?}", made.err());
    }
    let identity = json!({ "auths": { "REGISTRY": { "auth": auth, "identitytoken": IDENTITY } } });
    with_config(identity, Wants::Identity, "config").await.expect("an identity token");
    let broken = json!({ "auths": { "REGISTRY": { "auth": "%%%" } } });
    let said = with_config(broken, Wants::Basic, "config").await.err().expect("no push");
    assert!(said.contains("is not USER:PASSWORD in base64"), "{said}");
    // What nobody asks for is not read.
    with_config(json!({ "credsStore": "not-installed" }), Wants::Nothing, "config")
        .await
        .expect("it");
}
