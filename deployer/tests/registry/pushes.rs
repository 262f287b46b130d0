//! What is sent, and what need not be?

use metaparticle::registry::{self, Options, Progress};

use crate::fake::{Fake, Names};
use crate::world::{BLOBS, image, place, push, pushed, quick, reference, refused};

#[tokio::test]
async fn an_image_that_is_not_there_is_sent_and_one_that_is_costs_no_byte() {
    let fake = Fake::start(|_| {}).await;
    let to = reference(fake.address, "team/hello:v1");
    let first = pushed(&to, &quick()).await;
    assert_eq!(first.uploaded_bytes, image().size() + image().manifest().len() as u64);
    assert_eq!(fake.look(|state| state.uploaded as u64), first.uploaded_bytes);
    assert_eq!(
        first.reference.to_string(),
        format!("{}/team/hello@{}", fake.address, image().digest())
    );
    assert_eq!(first.tags, ["v1"]);
    fake.look(|state| (state.uploaded = 0, state.asked.clear()));
    let (again, told) = push(&to, &quick()).await;
    let again = again.expect("a push");
    assert_eq!((again.uploaded_bytes, again.skipped_blobs), (0, BLOBS));
    assert_eq!(fake.look(|state| state.uploaded), 0);
    assert_eq!(fake.asked("PUT") + fake.asked("POST"), 0);
    let skipped = told.iter().filter(|told| matches!(told, Progress::Skipped { .. }));
    assert_eq!(skipped.count(), BLOBS);
}

#[tokio::test]
async fn it_is_there_under_its_digest_and_its_tags_and_without_one_under_its_first_digits() {
    let fake = Fake::start(|_| {}).await;
    let options = Options { tags: vec!["latest".to_owned()], ..quick() };
    let made = pushed(&reference(fake.address, "hello"), &options).await;
    let short = image().digest().short();
    assert_eq!(made.tags, [short, "latest"]);
    let manifests = fake.look(|state| state.manifests.clone());
    let names = [image().digest().as_str(), short, "latest"];
    assert_eq!(manifests.len(), names.len());
    assert!(names.iter().all(|name| manifests[*name] == *image().manifest()));
    let of = reference(fake.address, "hello:latest");
    assert_eq!(registry::resolve(&of, &quick()).await.expect("it"), Some(image().digest().clone()));
    let of = reference(fake.address, "hello:other");
    assert_eq!(registry::resolve(&of, &quick()).await.expect("nothing"), None);
}

#[tokio::test]
async fn the_manifest_comes_last() {
    let fake = Fake::start(|_| {}).await;
    pushed(&reference(fake.address, "hello:v1"), &quick()).await;
    let asked = fake.look(|state| state.asked.clone());
    let last_blob = asked.iter().rposition(|asked| asked.contains("/uploads/")).expect("an upload");
    let puts = asked.iter().enumerate().filter(|(_, asked)| asked.starts_with("PUT /v2/hello/man"));
    let puts: Vec<_> = puts.map(|(at, asked)| (at > last_blob, asked.ends_with("v1"))).collect();
    assert_eq!(puts, [(true, false), (true, true)], "by its digest, then by its tag: {asked:?}");
}

#[tokio::test]
async fn it_is_told_how_far_every_blob_is() {
    let fake = Fake::start(|_| {}).await;
    let (_, told) = push(&reference(fake.address, "hello"), &quick()).await;
    for blob in image().blobs() {
        let steps = told.iter().filter_map(|told| match told {
            Progress::Sending { digest, sent, size } if digest == blob.digest() => {
                Some((*sent, *size))
            }
            _ => None,
        });
        let steps: Vec<_> = steps.collect();
        assert!(steps.is_sorted(), "{steps:?}");
        assert_eq!(steps.last(), Some(&(blob.size(), blob.size())));
        let sent = Progress::Sent { digest: blob.digest().clone(), size: blob.size() };
        assert!(told.contains(&sent));
    }
}

#[tokio::test]
async fn what_another_repository_has_is_mounted_and_what_it_has_not_is_sent() {
    let options = Options { mount_from: Some("base".to_owned()), ..quick() };
    let fake = Fake::start(|state| state.mounts = true).await;
    let made = pushed(&reference(fake.address, "hello"), &options).await;
    assert_eq!(
        (made.mounted_blobs, made.uploaded_bytes),
        (BLOBS, 2 * image().manifest().len() as u64)
    );
    // 202: an upload instead.
    let fake = Fake::start(|_| {}).await;
    let made = pushed(&reference(fake.address, "hello"), &options).await;
    assert_eq!((made.mounted_blobs, fake.look(|state| state.blobs.len())), (0, BLOBS));
    assert_eq!(fake.asked("POST /v2/hello/blobs/uploads/?mount=sha256:"), BLOBS);
}

#[tokio::test]
async fn the_place_of_an_upload_may_be_named_in_every_way() {
    for names in [Names::Relative, Names::Absolute, Names::WithQuery] {
        let fake = Fake::start(|state| state.names = names).await;
        pushed(&reference(fake.address, "hello"), &quick()).await;
        assert_eq!(fake.look(|state| state.blobs.len()), BLOBS);
    }
}

#[tokio::test]
async fn another_image_than_the_reference_means_is_not_pushed() {
    let other = format!("127.0.0.1:1/hello@sha256:{}", "0".repeat(64)).parse().expect("one");
    assert!(refused(&other, &quick()).await.contains("leave the digest out"));
    let options = Options { tags: vec!["a b".to_owned()], ..quick() };
    let said = refused(&reference("127.0.0.1:1", "hello"), &options).await;
    assert!(said.contains("`a b` is no tag"), "{said}");
    let options = Options { mount_from: Some("A b".to_owned()), ..quick() };
    let said = refused(&reference("127.0.0.1:1", "hello"), &options).await;
    assert!(said.contains("`A b` is no name of an image"), "{said}");
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_told_by_its_file() {
    let file = place("authority").join("ca.pem");
    std::fs::write(&file, "not PEM").expect("a file");
    let options = Options { authority: Some(file), attempts: 1, ..quick() };
    let said = refused(&reference("registry.invalid", "hello"), &options).await;
    assert!(said.contains("ca.pem: there is no certificate in PEM in it"), "{said}");
}
