//! What is a service? A pattern with its numbers, the code of one replica, and what is asked of the gateway.

use metaparticle_gateway::words::{self, Mistake, Policy, Require, Scope};

use crate::application::Wrong;
use crate::pattern::said::{Word, say, say_common, say_settings};
use crate::pattern::{Handler, Key, Keyed, Merge, Merged, Role};

/// The words that a pattern says with its own arguments.
const OWN: [&str; 4] = ["pattern", "shard-key", "scatter-merge", "shard-count"];

/// A service as it is declared; which pattern it is shows in its words.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) name: String,
    pub(crate) pattern: words::Pattern,
    pub(crate) count: u32,
    pub(crate) role: Role,
    pub(crate) key: Option<Keyed>,
    pub(crate) merge: Option<Merged>,
    pub(crate) front: Option<Front>,
    pub(crate) settings: Vec<(String, Setting)>,
    said: Vec<(&'static str, String)>,
}

/// Where it is public.
#[derive(Debug, Clone, Default)]
pub(crate) struct Front {
    pub(crate) host: Option<String>,
    pub(crate) path: Option<String>,
}

/// What a setting is.
#[derive(Debug, Clone)]
pub(crate) enum Setting {
    /// This text.
    Value(String),
    /// `SECRET/KEY`
    Secret(String),
}

/// Replicas that are all alike: any of them may answer.
#[derive(Debug, Clone)]
#[must_use = "a pattern does nothing until it is a service of an app"]
pub struct Spread(Service);

/// Shards: the one that owns an ask's key answers.
#[derive(Debug, Clone)]
#[must_use = "a pattern does nothing until it is a service of an app"]
pub struct Shard(Service);

/// Leaves that are all asked, and an answer that is made of their parts.
#[derive(Debug, Clone)]
#[must_use = "a pattern does nothing until it is a service of an app"]
pub struct Scatter(Service);

/// Any of `replicas` answers.
pub fn spread<M, H: Handler<M>>(replicas: u32, handler: H) -> Spread {
    Spread(Service::new(words::Pattern::Spread, replicas, handler.role()))
}

/// The one of `shards` that owns the ask's `key` answers.
pub fn shard<M, N: ?Sized, H, K>(shards: u32, key: K, handler: H) -> Shard
where
    H: Handler<M>,
    K: Key<H::Ask, N>,
{
    let mut service = Service::new(words::Pattern::Shard, shards, handler.role());
    service.key = Some(key.keyed());
    Shard(service)
}

/// All `leaves` are asked the same, and `merge` makes one answer of what they say.
pub fn scatter<M, N: ?Sized, H, G>(leaves: u32, leaf: H, merge: G) -> Scatter
where
    H: Handler<M>,
    G: Merge<H::Answer, N>,
{
    let mut service = Service::new(words::Pattern::Scatter, leaves, leaf.role());
    service.merge = Some(merge.merged());
    Scatter(service)
}

say_common!(Spread Shard Scatter);
say_settings!(Spread: 0.settings; Shard: 0.settings; Scatter: 0.settings;);

say!(Shard {
    /// Which function says who owns a key.
    algorithm: "shard-algorithm"
    /// What becomes of an ask without a key.
    missing_key: "shard-missing-key"
    /// What becomes of an ask whose shard is away. Where shards have state of their own, `"fail"` or
    /// `"wait:1s"` is right: nobody else has it.
    on_owner_down: "shard-on-owner-down"
    /// How much busier than the mean a shard may be before its asks go on to the next.
    load_bound: "shard-load-bound"
});

say!(Scatter {
    /// How many leaves must answer: `"all"`, `"quorum"`, `"any"`, a number, `"80%"`.
    require: "scatter-require"
    /// The same, as a number.
    quorum: "scatter-require"
    /// When the answer is made of what is there, if that is enough. What a slow leaf costs is bounded by this,
    /// and by [`quorum`](Self::quorum): there is no second one of a leaf that could be asked as well, as
    /// [`Spread::hedge`] does.
    deadline: "scatter-timeout"
});

say!(Spread {
    /// When a second replica is asked as well, for who asks from outside: after so long (`"20ms"`), or when an
    /// answer takes longer than so many of the last ones did (`"p95"`). Only what may be sent twice is.
    hedge: "scatter-hedge"
});

impl Service {
    fn new(pattern: words::Pattern, count: u32, role: Role) -> Self {
        Self {
            name: String::new(),
            pattern,
            count,
            role,
            key: None,
            merge: None,
            front: None,
            settings: Vec::new(),
            said: Vec::new(),
        }
    }

    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    fn say(&mut self, word: &'static str, value: String) {
        self.said.retain(|(said, _)| *said != word);
        self.said.push((word, value));
    }

    /// What it asks of the gateway, word by word: only what is not the default.
    pub(crate) fn words(&self) -> Vec<(&'static str, String)> {
        let mut words = vec![("pattern", self.pattern.to_string())];
        if let Some(Keyed::Words(key)) = &self.key {
            words.push(("shard-key", key.clone()));
        }
        if let Some(Merged::Words(merge)) = &self.merge {
            words.push(("scatter-merge", merge.clone()));
        }
        if self.pattern != words::Pattern::Spread {
            // A shard that nobody serves for now keeps its keys, and its place among the parts.
            words.push(("shard-count", self.count.to_string()));
        }
        words.extend(self.said.iter().cloned());
        words
    }

    /// What the gateway cannot know to be wrong with `policy`: it is not told how many leaves there are, nor
    /// which words are the pattern's own.
    pub(crate) fn mistakes(&self, policy: &Policy) -> Vec<Mistake> {
        let mut wrong = Vec::new();
        if let Require::Count(least) = policy.require
            && least.get() > self.count
        {
            let allowed = format!("at most {}, which is how many leaves there are", self.count);
            wrong.push(Wrong::new(least, allowed).at("scatter-require"));
        }
        for (word, value) in self.said.iter().filter(|(word, _)| OWN.contains(word)) {
            let allowed = "nothing: the pattern itself says this word, with what it was made of";
            wrong.push(Wrong::new(value, allowed).at(word));
        }
        wrong
    }

    /// Bytes that an ask may have.
    pub(crate) fn body_most(&self) -> u64 {
        self.policy().0.max_body
    }

    /// What it asks of the gateway, and what is wrong with that.
    pub(crate) fn policy(&self) -> (Policy, Vec<Mistake>) {
        let words = self.words();
        let words = words.iter().map(|(name, value)| (*name, value.as_str()));
        Policy::read(&Policy::default(), Scope::Service, words)
    }

    /// Whether the program's own code stands between who asks and the replicas.
    pub(crate) fn has_root(&self) -> bool {
        matches!(self.key, Some(Keyed::Code(_))) || matches!(self.merge, Some(Merged::Code(_)))
    }

    /// What its replicas are called, without their number: as the StatefulSet of its pods.
    pub(crate) fn stem(&self) -> String {
        match self.pattern {
            words::Pattern::Shard if self.has_root() => format!("{}-shard", self.name),
            words::Pattern::Scatter if self.has_root() => format!("{}-leaf", self.name),
            _ => self.name.clone(),
        }
    }

    /// What its replicas are called.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = (u32, String)> + use<> {
        let stem = self.stem();
        (0..self.count).map(move |index| (index, format!("{stem}-{index}")))
    }
}

/// What may be a service: a [`spread`], a [`shard`], a [`scatter`]; or a handler, of which there is one replica.
/// `M` is the compiler's business.
pub trait Pattern<M> {
    #[doc(hidden)]
    fn service(self) -> Service;
}

/// The patterns themselves.
#[derive(Debug)]
pub enum Itself {}

impl Pattern<Itself> for Spread {
    fn service(self) -> Service {
        self.0
    }
}

impl Pattern<Itself> for Shard {
    fn service(self) -> Service {
        self.0
    }
}

impl Pattern<Itself> for Scatter {
    fn service(self) -> Service {
        self.0
    }
}

impl<M, H: Handler<M>> Pattern<(M,)> for H {
    fn service(self) -> Service {
        spread(1, self).0
    }
}
