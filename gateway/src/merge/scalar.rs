//! What comes before what, and what is the same? Numbers by their value, strings by their bytes.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::merge::reader;
use crate::merge::reader::Kind;

/// A JSON number: exact where it is written as an integer of at most 127 bits, else the nearest
/// double (`1e400` is infinite, and two such are alike). Never NaN.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Integer(i128),
    Float(f64),
}

impl Number {
    /// Reads a right JSON number.
    pub(super) fn read(text: &[u8]) -> Self {
        let text = std::str::from_utf8(text).unwrap_or("0");
        match text.parse() {
            Ok(integer) => Self::Integer(integer),
            Err(_) => Self::Float(text.parse().unwrap_or_default()),
        }
    }

    /// The nearest double.
    #[expect(clippy::cast_precision_loss, reason = "the nearest is what is asked for")]
    pub(super) fn to_f64(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Integer(mine), Self::Integer(theirs)) => mine.cmp(&theirs),
            (Self::Float(mine), Self::Float(theirs)) => {
                mine.partial_cmp(&theirs).unwrap_or(Ordering::Equal)
            }
            (Self::Integer(integer), Self::Float(float)) => exact(integer, float),
            (Self::Float(float), Self::Integer(integer)) => exact(integer, float).reverse(),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

/// Compares without rounding: an order that rounds the integer is no order (2^53 and 2^53 + 1 would
/// both equal 2^53 as a double, and not each other).
fn exact(integer: i128, float: f64) -> Ordering {
    match whole(float.trunc()) {
        Some(whole) => integer
            .cmp(&whole)
            .then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)),
        None if float > 0.0 => Ordering::Less,
        None => Ordering::Greater,
    }
}

/// The integer that `float` is, when it is one of at most 127 bits.
#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
fn whole(float: f64) -> Option<i128> {
    const BOUND: f64 = (1_u128 << 127) as f64;
    let fits = float.fract() == 0.0 && (-BOUND..BOUND).contains(&float);
    fits.then_some(float as i128)
}

/// A value that has a place in an order: null < booleans < numbers < strings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, [u8]>),
}

impl<'a> Scalar<'a> {
    /// Reads a right JSON value; arrays and objects have no order.
    pub(super) fn read(value: &'a [u8]) -> Result<Self, Kind> {
        match Kind::of(value) {
            Kind::Null => Ok(Self::Null),
            Kind::Bool => Ok(Self::Bool(value.starts_with(b"t"))),
            Kind::Number => Ok(Self::Number(Number::read(value))),
            Kind::String => Ok(Self::Text(reader::unescaped(value))),
            kind @ (Kind::Array | Kind::Object) => Err(kind),
        }
    }
}

/// What makes a value the same as another: numbers by value (1, 1.0 and 1e0 are one), strings by what
/// they say, however they are escaped; arrays, objects, and numbers that neither an integer of 127
/// bits nor a double can hold, by how they are written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identity<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    Float(u64),
    Text(Cow<'a, [u8]>),
    Written(&'a [u8]),
}

impl<'a> Identity<'a> {
    /// Reads a right JSON value.
    pub(super) fn read(value: &'a [u8]) -> Self {
        match Scalar::read(value) {
            Ok(Scalar::Null) => Self::Null,
            Ok(Scalar::Bool(it)) => Self::Bool(it),
            Ok(Scalar::Text(it)) => Self::Text(it),
            Ok(Scalar::Number(Number::Integer(it))) => Self::Integer(it),
            Ok(Scalar::Number(Number::Float(it))) => match whole(it) {
                Some(integer) if !value.iter().all(|byte| b"-0123456789".contains(byte)) => {
                    Self::Integer(integer)
                }
                None if it.is_finite() && it.fract() != 0.0 => Self::Float(it.to_bits()),
                _ => Self::Written(value),
            },
            Err(_) => Self::Written(value),
        }
    }
}
