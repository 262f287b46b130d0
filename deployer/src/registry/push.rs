//! In which order does an image go? Blobs first and beside each other, then the manifest under its digest, and
//! its tags at last: who pulls meanwhile finds the old image, or the whole new one.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::header::{self, HeaderValue};
use http::{HeaderName, Method, StatusCode, Uri};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::image::{Blob, Digest, Image};

use super::answer::Answer;
use super::client::{Ask, Client};
use super::reference::checked_repository;
use super::{Fault, Options, Reference};

/// How far an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A blob is there already.
    Skipped {
        /// Which.
        digest: Digest,
        /// How many bytes need not be sent.
        size: u64,
    },
    /// A blob was taken from another repository.
    Mounted {
        /// Which.
        digest: Digest,
        /// How many bytes need not be sent.
        size: u64,
    },
    /// So much of a blob was given to the network. It begins anew when the blob is sent again.
    Sending {
        /// Which.
        digest: Digest,
        /// So many bytes of it.
        sent: u64,
        /// Of so many.
        size: u64,
    },
    /// A blob, or the manifest, is there now.
    Sent {
        /// Which.
        digest: Digest,
        /// How many bytes it has.
        size: u64,
    },
    /// Something did not go well, and is done again.
    Again {
        /// Why.
        because: String,
        /// When.
        after: Duration,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The image by its digest, with the name that those who pull know.
    pub reference: Reference,
    /// The tags that it has.
    pub tags: Vec<String>,
    /// How many bytes were sent for it, manifests among them.
    pub uploaded_bytes: u64,
    /// How many blobs were there already.
    pub skipped_blobs: usize,
    /// How many blobs came from another repository.
    pub mounted_blobs: usize,
}

/// Brings an image into a registry. Without a tag of its own it gets the digest's first digits as one: what has
/// none is deleted by many registries.
///
/// # Errors
///
/// When the registry cannot be reached, does not let us, or refuses.
pub async fn push(
    image: &Image,
    to: &Reference,
    options: &Options,
    told: &dyn Fn(Progress),
) -> Result<Pushed, Fault> {
    if let Some(wanted) = to.digest().filter(|wanted| *wanted != image.digest()) {
        let (wanted, found) = (wanted.clone(), image.digest().clone());
        return Err(Fault::OtherImage { wanted, found });
    }
    let mut tags = vec![to.tag().unwrap_or_else(|| image.digest().short()).to_owned()];
    tags.extend(options.tags.iter().filter(|tag| !tags.contains(tag)).cloned().collect::<Vec<_>>());
    for tag in &tags {
        let _checked = to.clone().with_tag(tag)?;
    }
    if let Some(from) = &options.mount_from {
        checked_repository(from)?;
    }
    let (tell, mut heard) = mpsc::unbounded_channel();
    let push = Push::new(to, options, tell);
    let tally = telling(push.all(image, &tags, options.parallel), &mut heard, told).await?;
    let reference = to.clone().with_digest(image.digest().clone());
    Ok(Pushed {
        reference,
        tags,
        uploaded_bytes: tally.uploaded,
        skipped_blobs: tally.skipped,
        mounted_blobs: tally.mounted,
    })
}

/// Does the work, and tells what is heard of it as it comes.
async fn telling<T>(
    work: impl Future<Output = T>,
    heard: &mut UnboundedReceiver<Progress>,
    told: &dyn Fn(Progress),
) -> T {
    let mut work = std::pin::pin!(work);
    let done = loop {
        tokio::select! {
            biased;
            Some(progress) = heard.recv() => told(progress),
            done = &mut work => break done,
        }
    };
    while let Ok(progress) = heard.try_recv() {
        told(progress);
    }
    done
}

#[derive(Debug, Default)]
struct Tally {
    uploaded: u64,
    skipped: usize,
    mounted: usize,
}

/// What became of a blob.
enum Brought {
    Skipped,
    Mounted,
    Uploaded(u64),
}

/// What a registry says to an upload that is to begin.
enum Begun {
    Mounted,
    At(Uri),
}

struct Push {
    client: Client,
    mount_from: Option<String>,
    tell: UnboundedSender<Progress>,
}

impl Push {
    fn new(to: &Reference, options: &Options, tell: UnboundedSender<Progress>) -> Self {
        let mut scopes = vec![format!("repository:{}:pull,push", to.repository())];
        let mount_from = options.mount_from.clone().filter(|from| from != to.repository());
        scopes.extend(mount_from.iter().map(|from| format!("repository:{from}:pull")));
        Self { client: Client::new(to, scopes, options), mount_from, tell }
    }

    async fn all(&self, image: &Image, tags: &[String], parallel: usize) -> Result<Tally, Fault> {
        let brought = stream::iter(image.blobs())
            .map(|blob| self.persist(async || self.bring(blob).await))
            .buffer_unordered(parallel.max(1))
            .try_collect::<Vec<_>>()
            .await?;
        let mut tally = Tally::default();
        for brought in brought {
            match brought {
                Brought::Skipped => tally.skipped += 1,
                Brought::Mounted => tally.mounted += 1,
                Brought::Uploaded(size) => tally.uploaded += size,
            }
        }
        let names = std::iter::once(image.digest().as_str()).chain(tags.iter().map(String::as_str));
        for name in names {
            let size = self.persist(async || self.name(image, name).await).await?;
            if size > 0 {
                self.tell(Progress::Sent { digest: image.digest().clone(), size });
            }
            tally.uploaded += size;
        }
        Ok(tally)
    }

    fn tell(&self, progress: Progress) {
        // Nobody hears it any more when the push was given up.
        self.tell.send(progress).unwrap_or_default();
    }

    async fn persist<T>(&self, act: impl AsyncFnMut() -> Result<T, Fault>) -> Result<T, Fault> {
        let again = |fault: &Fault, after| {
            self.tell(Progress::Again { because: fault.to_string(), after });
        };
        self.client.persist(&again, act).await
    }

    /// Sees to it that a blob is there.
    async fn bring(&self, blob: &Blob) -> Result<Brought, Fault> {
        let (digest, size) = (blob.digest().clone(), blob.size());
        if self.is_there(blob).await? {
            self.tell(Progress::Skipped { digest, size });
            return Ok(Brought::Skipped);
        }
        match self.begin(blob).await? {
            Begun::Mounted => {
                self.tell(Progress::Mounted { digest, size });
                Ok(Brought::Mounted)
            }
            Begun::At(place) => {
                self.upload(blob, place).await?;
                self.tell(Progress::Sent { digest, size });
                Ok(Brought::Uploaded(size))
            }
        }
    }

    async fn is_there(&self, blob: &Blob) -> Result<bool, Fault> {
        let answer = self.client.ask(Method::HEAD, &format!("blobs/{}", blob.digest()));
        let answer = self.client.send(&answer).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(false),
            // Who sends us elsewhere for it has it; and there it may only be read, not asked for.
            status if status.is_success() || status.is_redirection() => Ok(true),
            _ => Err(answer.refused()),
        }
    }

    /// Asks for a place to upload to; a mount that is not granted gives one, too.
    async fn begin(&self, blob: &Blob) -> Result<Begun, Fault> {
        let mount = self
            .mount_from
            .as_ref()
            .map_or_else(String::new, |from| format!("?mount={}&from={from}", blob.digest()));
        let mut ask = self.client.ask(Method::POST, &format!("blobs/uploads/{mount}"));
        ask.headers.push((header::CONTENT_LENGTH, HeaderValue::from_static("0")));
        let answer = self.client.send(&ask).await?;
        if answer.status() == StatusCode::CREATED && self.mount_from.is_some() {
            return Ok(Begun::Mounted);
        }
        let answer = answer.expect(&[StatusCode::ACCEPTED])?;
        place(&answer, blob.digest()).map(Begun::At)
    }

    async fn upload(&self, blob: &Blob, place: Uri) -> Result<(), Fault> {
        let (tell, size) = (self.tell.clone(), blob.size());
        let digest = blob.digest().clone();
        let sent = std::sync::atomic::AtomicU64::new(0);
        let ask = Ask {
            method: Method::PUT,
            to: place,
            headers: vec![typed("application/octet-stream")],
            body: blob.content().clone(),
            count: Some(Arc::new(move |piece| {
                let piece = piece as u64;
                let sent = sent.fetch_add(piece, std::sync::atomic::Ordering::Relaxed) + piece;
                let digest = digest.clone();
                tell.send(Progress::Sending { digest, sent, size }).unwrap_or_default();
            })),
        };
        self.client.send(&ask).await?.expect(&[StatusCode::CREATED, StatusCode::NO_CONTENT])?;
        Ok(())
    }

    /// Gives the image a name, if it is not the image's already; and says how many bytes that took.
    async fn name(&self, image: &Image, name: &str) -> Result<u64, Fault> {
        let what = format!("manifests/{name}");
        let mut ask = self.client.ask(Method::HEAD, &what);
        ask.headers.push((header::ACCEPT, HeaderValue::from_static(image.media_type())));
        let found = self.client.send(&ask).await?;
        if found.status().is_success() && told_digest(&found) == Some(image.digest().as_str()) {
            return Ok(0);
        }
        let mut ask = self.client.ask(Method::PUT, &what);
        ask.headers.push(typed(image.media_type()));
        ask.body = image.manifest().clone();
        let answer =
            self.client.send(&ask).await?.expect(&[StatusCode::CREATED, StatusCode::OK])?;
        match told_digest(&answer) {
            Some(other) if other != image.digest().as_str() => Err(answer
                .nonsense(format!("it calls the image {other}, and it is {}", image.digest()))),
            _ => Ok(image.manifest().len() as u64),
        }
    }
}

pub(super) const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

pub(super) fn told_digest(answer: &Answer) -> Option<&str> {
    answer.header(&DIGEST)
}

fn typed(media_type: &'static str) -> (HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static(media_type))
}

/// Where a blob is uploaded to: the whole address, or a part of the one that was asked.
fn place(answer: &Answer, digest: &Digest) -> Result<Uri, Fault> {
    let location = answer.header(&header::LOCATION);
    let location = location.ok_or_else(|| answer.nonsense("it does not say where to upload to"))?;
    let whole = if location.contains("://") {
        location.to_owned()
    } else {
        let (scheme, host) = (answer.from.scheme_str(), answer.from.authority());
        let origin =
            format!("{}://{}", scheme.unwrap_or_default(), host.map_or("", |it| it.as_str()));
        match location.strip_prefix('/') {
            Some(path) => format!("{origin}/{path}"),
            None => {
                let path = answer.from.path();
                let folder = &path[..=path.rfind('/').unwrap_or(0)];
                format!("{origin}{folder}{location}")
            }
        }
    };
    let join = if whole.contains('?') { '&' } else { '?' };
    let whole = format!("{whole}{join}digest=sha256%3A{}", digest.hex());
    whole.parse().map_err(|_| answer.nonsense(format!("`{location}` is no place to upload to")))
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Push").field("client", &self.client).finish_non_exhaustive()
    }
}
