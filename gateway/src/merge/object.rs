//! What is one object with the members of all?
//!
//! Members stand where their name first appeared, written as their leaf wrote them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;

use crate::merge::Clash;
use crate::merge::Fit;
use crate::merge::reader;
use crate::merge::reader::Reader;
use crate::merge::rope::Rope;
use crate::words::Conflict;

/// A name and its values; more than one only for [`Conflict::Array`].
struct Member<'a> {
    name: Piece<'a>,
    value: Piece<'a>,
    more: Vec<Piece<'a>>,
}

/// Bytes of one part, and which.
#[derive(Clone, Copy)]
struct Piece<'a> {
    fit: usize,
    raw: &'a [u8],
}

/// One object.
pub(super) fn join(conflict: Conflict, fits: &[Fit]) -> Result<Vec<Bytes>, Clash> {
    let mut members = Vec::new();
    let mut places = HashMap::new();
    for (at, fit) in fits.iter().enumerate() {
        let mut reader = Reader::new(&fit.text);
        let mut inside = reader.enter();
        while let Ok(Some(name)) = reader.name(&mut inside) {
            let Ok(value) = reader.value() else { break };
            let name = Piece { fit: at, raw: &fit.text[name] };
            let value = Piece { fit: at, raw: &fit.text[value] };
            add(&mut members, &mut places, conflict, name, value).map_err(|(name, shards)| {
                Clash::member(&name, shards.map(|shard| fits[shard].part))
            })?;
        }
    }
    Ok(write(&members, fits))
}

fn add<'a>(
    members: &mut Vec<Member<'a>>,
    places: &mut HashMap<Cow<'a, [u8]>, usize>,
    conflict: Conflict,
    name: Piece<'a>,
    value: Piece<'a>,
) -> Result<(), (Cow<'a, [u8]>, [usize; 2])> {
    let place = match places.entry(reader::unescaped(name.raw)) {
        Entry::Occupied(entry) => *entry.get(),
        Entry::Vacant(entry) => {
            entry.insert(members.len());
            members.push(Member { name, value, more: Vec::new() });
            return Ok(());
        }
    };
    let Member { value: first, more, .. } = &mut members[place];
    let last = more.last_mut().unwrap_or(first);
    // Twice in one object is no conflict between leaves: the last counts.
    if last.fit == value.fit {
        *last = value;
        return Ok(());
    }
    match conflict {
        Conflict::First => {}
        Conflict::Last => *first = value,
        Conflict::Array => more.push(value),
        Conflict::Error => return Err((reader::unescaped(name.raw), [first.fit, value.fit])),
    }
    Ok(())
}

fn write(members: &[Member<'_>], fits: &[Fit]) -> Vec<Bytes> {
    let mut rope = Rope::default();
    rope.copy(b"{");
    for (at, Member { name, value, more }) in members.iter().enumerate() {
        if at > 0 {
            rope.copy(b",");
        }
        rope.splice(&fits[name.fit].text, name.raw);
        rope.copy(if more.is_empty() { b":" } else { b":[" });
        rope.splice(&fits[value.fit].text, value.raw);
        for value in more {
            rope.copy(b",");
            rope.splice(&fits[value.fit].text, value.raw);
        }
        if !more.is_empty() {
            rope.copy(b"]");
        }
    }
    rope.copy(b"}");
    rope.finish()
}
