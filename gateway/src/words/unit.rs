//! How are times and sizes written? A number and its unit: `800ms`, `8MiB`.

use std::time::Duration;

/// Units of time in nanoseconds, the greatest first.
const TIMES: [(&str, u64); 4] =
    [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000)];

/// Units of size in bytes, in the order in which one is looked for to show a size.
const SIZES: [(&str, u64); 6] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];

/// The longest time that may be asked for. A longer one is a slip, and clocks cannot add it.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads a time: `800ms`, `1.5s`, `5m`, `1h`; more than nothing, at most a day.
///
/// Without a unit it is nobody's guess: `30` is `None`.
#[must_use]
pub fn read_time(text: &str) -> Option<Duration> {
    let (number, unit) = split(text);
    let (_, nanos) = TIMES.into_iter().find(|(name, _)| *name == unit)?;
    let time = Duration::from_nanos(scaled(number, nanos, false)?);
    (!time.is_zero() && time <= LONGEST).then_some(time)
}

/// Shows a time as [`read_time`] reads it.
#[must_use]
pub fn show_time(time: Duration) -> String {
    let nanos = time.as_nanos();
    for (unit, size) in TIMES {
        if nanos >= u128::from(size) && nanos.is_multiple_of(u128::from(size)) {
            return format!("{}{unit}", nanos / u128::from(size));
        }
    }
    let text = format!("{}.{:06}", nanos / 1_000_000, nanos % 1_000_000);
    format!("{}ms", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Reads a size in whole bytes: `8MiB`, `64KiB`, `1.5GiB`, `1MB`, `512`; more than nothing.
#[must_use]
pub fn read_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text);
    let bytes = match unit {
        "" | "B" => 1,
        "KB" => 1_000,
        _ => SIZES.into_iter().find(|(name, _)| *name == unit)?.1,
    };
    scaled(number, bytes, true).filter(|size| *size > 0)
}

/// Shows a size as [`read_size`] reads it.
#[must_use]
pub fn show_size(size: u64) -> String {
    for (unit, bytes) in SIZES {
        if size >= bytes && size.is_multiple_of(bytes) {
            return format!("{}{unit}", size / bytes);
        }
    }
    size.to_string()
}

/// The number in front, and what follows it.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// A decimal number times its unit, without the rounding of floats; `whole` refuses a rest.
fn scaled(number: &str, unit: u64, whole: bool) -> Option<u64> {
    let (above, below) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (number, ""),
    };
    if below.len() > 9 || !below.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ten = 10_u64.pow(u32::try_from(below.len()).ok()?);
    let part = below.parse::<u64>().unwrap_or(0) as u128 * u128::from(unit);
    if whole && !part.is_multiple_of(u128::from(ten)) {
        return None;
    }
    let part = u64::try_from(part / u128::from(ten)).ok()?;
    above.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::{read_size, read_time, show_size, show_time};

    fn check(text: &str, time: Option<&str>, size: Option<&str>) {
        assert_eq!(read_time(text).map(show_time).as_deref(), time, "{text} as a time");
        assert_eq!(read_size(text).map(show_size).as_deref(), size, "{text} as a size");
    }

    #[test]
    fn a_time_has_a_unit_and_is_more_than_nothing() {
        check("800ms", Some("800ms"), None);
        check("1500ms", Some("1500ms"), None);
        check("1.5s", Some("1500ms"), None);
        check("0.25ms", Some("0.25ms"), None);
        check("120s", Some("2m"), None);
        check("24h", Some("24h"), None);
        for wrong in ["", "s", "0s", "0.0ms", "-1s", "+1s", "1", "1 s", "1.s", ".5s", "1.2.3s"] {
            assert_eq!(read_time(wrong), None, "{wrong}");
        }
        check("25h", None, None);
        check("99999999999999999999h", None, None);
        check("1d", None, None);
    }

    #[test]
    fn a_size_is_a_whole_number_of_bytes() {
        check("8MiB", None, Some("8MiB"));
        check("8192KiB", None, Some("8MiB"));
        check("1.5KiB", None, Some("1536"));
        check("1MB", None, Some("1MB"));
        check("7KB", None, Some("7kB"));
        check("512", None, Some("512"));
        check("512B", None, Some("512"));
        for wrong in ["0", "0MiB", "0.1KiB", "-1", "8mib", "8 MiB", "99999999999GiB"] {
            assert_eq!(read_size(wrong), None, "{wrong}");
        }
    }
}
