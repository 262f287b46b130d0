//! What do the numbers of the leaves come to?
//!
//! Integers of at most 127 bits are counted exactly; past that, and where one leaf writes a fraction
//! or an exponent, doubles are added in shard order. The least and the greatest stand as their leaf
//! wrote them. The mean is the plain mean of the leaves' values: a leaf that counted more weighs the
//! same.

use bytes::Bytes;

use crate::merge::Clash;
use crate::merge::Fit;
use crate::merge::reader;
use crate::merge::reader::{Kind, Misfit, Place};
use crate::merge::rope::Rope;
use crate::merge::scalar::Number;
use crate::words::{Merge, Pointer};

/// Where the number is. One that no double holds can be compared, but not counted.
pub(super) fn find(
    text: &[u8],
    pointer: &Pointer,
    counted: bool,
) -> Result<std::ops::Range<usize>, Misfit> {
    let place = reader::find(text, pointer, Kind::Number)?;
    let written = &text[place.clone()];
    if counted && !Number::read(written).to_f64().is_finite() {
        let (written, at) = (String::from_utf8_lossy(written), Place(pointer.tokens()));
        return Err(format!("{written} at {at} is too great to be counted"));
    }
    Ok(place)
}

/// The first document byte for byte, with the result for its number.
pub(super) fn join(merge: &Merge, fits: &[Fit]) -> Result<Vec<Bytes>, Clash> {
    let written: Vec<&[u8]> = fits.iter().map(|fit| &fit.text[fit.place.clone()]).collect();
    let numbers: Vec<Number> = written.iter().map(|text| Number::read(text)).collect();
    let result = match merge {
        Merge::Min(_) => {
            best(&numbers, |number, least| number < least).map(|at| written[at].to_vec())
        }
        Merge::Max(_) => {
            best(&numbers, |number, most| number > most).map(|at| written[at].to_vec())
        }
        Merge::Avg(_) => mean(&numbers),
        _ => sum(&numbers).and_then(print),
    };
    let result = result.ok_or(Clash::TooGreat)?;
    let mut rope = Rope::default();
    if let Some(Fit { text, place, .. }) = fits.first() {
        rope.splice(text, &text[..place.start]);
        rope.copy(&result);
        rope.splice(text, &text[place.end..]);
    }
    Ok(rope.finish())
}

/// The first place that no other is better than.
fn best(numbers: &[Number], better: impl Fn(&Number, &Number) -> bool) -> Option<usize> {
    (0..numbers.len())
        .reduce(|best, at| if better(&numbers[at], &numbers[best]) { at } else { best })
}

/// The sum; `None` when it is more than a double holds.
fn sum(numbers: &[Number]) -> Option<Number> {
    let exact = numbers.iter().try_fold(0_i128, |sum, number| match number {
        Number::Integer(integer) => sum.checked_add(*integer),
        Number::Float(_) => None,
    });
    if let Some(exact) = exact {
        return Some(Number::Integer(exact));
    }
    let sum: f64 = numbers.iter().map(|number| number.to_f64()).sum();
    sum.is_finite().then_some(Number::Float(sum))
}

#[expect(clippy::cast_precision_loss, reason = "a rest and a count of leaves are small")]
fn mean(numbers: &[Number]) -> Option<Vec<u8>> {
    let count = i128::try_from(numbers.len()).ok().filter(|count| *count > 0)?;
    let Some(sum) = sum(numbers) else {
        // A mean is never greater than what it is of, though its rounding may be.
        let mean: f64 = numbers.iter().map(|number| number.to_f64() / count as f64).sum();
        return print(Number::Float(mean.clamp(f64::MIN, f64::MAX)));
    };
    print(match sum {
        Number::Integer(sum) if sum % count == 0 => Number::Integer(sum / count),
        Number::Integer(sum) => {
            let rest = (sum % count) as f64 / count as f64;
            Number::Float(Number::Integer(sum / count).to_f64() + rest)
        }
        Number::Float(sum) => Number::Float(sum / count as f64),
    })
}

fn print(number: Number) -> Option<Vec<u8>> {
    match number {
        Number::Integer(integer) => Some(integer.to_string().into_bytes()),
        Number::Float(float) => Some(serde_json::Number::from_f64(float)?.to_string().into_bytes()),
    }
}
