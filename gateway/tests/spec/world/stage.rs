//! What stands for the replicas? A stage: each plays the part it was given, and all that they are
//! asked is written down.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::{Instant, sleep};

use metaparticle_gateway::model::Answer;
use metaparticle_gateway::request::Body;
use metaparticle_gateway::send::{Carrier, Failure, LeafBody, Letter};
use metaparticle_gateway::snapshot::Replica;

/// What a replica does when it is asked.
#[derive(Clone)]
pub(crate) struct Part {
    after: Duration,
    end: End,
}

#[derive(Clone)]
enum End {
    Answer { status: u16, headers: Vec<(&'static str, &'static str)>, steps: Option<Vec<Step>> },
    Refuse,
    RefuseStream,
    Break,
    Never,
}

/// A piece of an answer's body.
#[derive(Clone)]
pub(crate) enum Step {
    Say(&'static str),
    Wait(u64),
    Trailer(&'static str, &'static str),
    Break,
    Stall,
}

/// Answers 200 with its own name, a JSON string.
pub(crate) fn answers() -> Part {
    part(End::Answer { status: 200, headers: Vec::new(), steps: None })
}

/// Answers 200 with this body.
pub(crate) fn says(text: &'static str) -> Part {
    streams(&[Step::Say(text)])
}

/// Answers 200 with a body that comes in steps.
pub(crate) fn streams(steps: &[Step]) -> Part {
    part(End::Answer { status: 200, headers: Vec::new(), steps: Some(steps.to_vec()) })
}

/// Refuses the connection: nothing was sent.
pub(crate) fn refuses() -> Part {
    part(End::Refuse)
}

/// Refuses the stream: the request was sent, and the replica says that it did nothing.
pub(crate) fn refuses_stream() -> Part {
    part(End::RefuseStream)
}

/// Reads the request, and breaks the connection.
pub(crate) fn breaks() -> Part {
    part(End::Break)
}

/// Reads the request, and never answers.
pub(crate) fn never() -> Part {
    part(End::Never)
}

fn part(end: End) -> Part {
    Part { after: Duration::ZERO, end }
}

impl Part {
    /// Does so after these milliseconds.
    pub(crate) fn after(mut self, millis: u64) -> Self {
        self.after = Duration::from_millis(millis);
        self
    }

    /// With this status.
    pub(crate) fn status(mut self, code: u16) -> Self {
        if let End::Answer { status, .. } = &mut self.end {
            *status = code;
        }
        self
    }

    /// With this header besides.
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        if let End::Answer { headers, .. } = &mut self.end {
            headers.push((name, value));
        }
        self
    }
}

/// What one replica was asked.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) replica: String,
    pub(crate) address: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// In milliseconds since the stage was built.
    pub(crate) at: u64,
    fate: Arc<AtomicU8>,
}

const ENDED: u8 = 1;
const CANCELLED: u8 = 2;

impl Asked {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.fate.load(Relaxed) == CANCELLED
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }
}

/// Notices whether an answer is waited for to its end.
struct Fate(Arc<AtomicU8>);

impl Fate {
    fn ended(&self) {
        self.0.store(ENDED, Relaxed);
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        self.0.compare_exchange(0, CANCELLED, Relaxed, Relaxed).ok();
    }
}

/// All replicas. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Stage(Arc<Book>);

struct Book {
    start: Instant,
    parts: Mutex<BTreeMap<String, Part>>,
    asked: Mutex<Vec<Asked>>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let (parts, asked) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Book { start: Instant::now(), parts, asked }))
    }

    /// From now on replica `name` plays `part`.
    pub(crate) fn cast(&self, name: &str, part: Part) {
        self.0.parts.lock().expect("no panic").insert(name.to_owned(), part);
    }

    /// All that was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.0.asked.lock().expect("no panic").clone()
    }

    /// Milliseconds since it was built.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_millis()).expect("short tests")
    }

    fn part_of(&self, name: &str) -> Part {
        let parts = self.0.parts.lock().expect("no panic");
        parts.get(name).cloned().unwrap_or_else(answers)
    }

    /// Writes down what `replica` is asked; gives its place in the book.
    fn write(&self, replica: &Replica, headers: &HeaderMap, fate: &Fate) -> usize {
        let mut asked = self.0.asked.lock().expect("no panic");
        asked.push(Asked {
            replica: replica.name.as_str().to_owned(),
            address: replica.address.to_string(),
            headers: headers.clone(),
            body: String::new(),
            at: self.now(),
            fate: Arc::clone(&fate.0),
        });
        asked.len() - 1
    }

    async fn read(&self, place: usize, body: Body) -> Result<(), Failure> {
        let bytes = body.collect().await.map_err(Failure::broken)?.to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        self.0.asked.lock().expect("no panic")[place].body = text;
        Ok(())
    }
}

impl Carrier for Stage {
    async fn carry(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        let request = letter.take_request(replica);
        let fate = Fate(Arc::default());
        let place = self.write(replica, request.headers(), &fate);
        let Part { after, end } = self.part_of(replica.name.as_str());
        if !after.is_zero() {
            sleep(after).await;
        }
        if matches!(end, End::Refuse) {
            fate.ended();
            return Err(Failure::connect("connection refused", request.into_body()));
        }
        let head = request.method() == Method::HEAD;
        self.read(place, request.into_body()).await?;
        let (status, headers, steps) = match end {
            End::Answer { status, headers, steps } => (status, headers, steps),
            End::Never => pending().await,
            End::RefuseStream => {
                fate.ended();
                return Err(Failure::refused("the stream was refused"));
            }
            End::Break | End::Refuse => {
                fate.ended();
                return Err(Failure::broken("connection reset"));
            }
        };
        let body = match steps {
            _ if head => whole(Bytes::new(), &fate),
            None => whole(format!("\"{}\"", replica.name), &fate),
            Some(steps) if let [Step::Say(text)] = steps[..] => whole(text, &fate),
            Some(steps) => LeafBody::other(stream(steps, fate)),
        };
        let mut answer = Answer::new(body);
        answer.status = StatusCode::from_u16(status).expect("a status");
        for (name, value) in headers {
            answer.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Ok(answer)
    }
}

fn whole(bytes: impl Into<Bytes>, fate: &Fate) -> LeafBody {
    fate.ended();
    LeafBody::whole(bytes)
}

type Cause = Box<dyn Error + Send + Sync>;

fn stream(
    steps: Vec<Step>,
    fate: Fate,
) -> impl http_body::Body<Data = Bytes, Error = Cause> + Send + 'static {
    let next = |(mut steps, fate): (std::vec::IntoIter<Step>, Fate)| async move {
        loop {
            let frame = match steps.next() {
                None => {
                    fate.ended();
                    return None;
                }
                Some(Step::Wait(millis)) => {
                    sleep(Duration::from_millis(millis)).await;
                    continue;
                }
                Some(Step::Stall) => pending().await,
                Some(Step::Break) => {
                    fate.ended();
                    Err("the connection broke".into())
                }
                Some(Step::Say(text)) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
                Some(Step::Trailer(name, value)) => {
                    let (name, value) =
                        (HeaderName::from_static(name), HeaderValue::from_static(value));
                    Ok(Frame::trailers(HeaderMap::from_iter([(name, value)])))
                }
            };
            return Some((frame, (steps, fate)));
        }
    };
    StreamBody::new(futures::stream::unfold((steps.into_iter(), fate), next))
}
