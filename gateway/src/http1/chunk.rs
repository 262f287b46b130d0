//! Where does a chunked body end?

use super::fault::Fault;

/// Digits of the longest size that is read; more could only be zeros.
const MAX_DIGITS: u8 = 16;

/// Bytes of extensions in one body: hyper's own limit.
const MAX_EXTENSIONS: u16 = 16 * 1024;

/// Follows the chunks of one body up to the line after the last size.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chunks {
    step: Step,
    digits: u8,
    extensions: u16,
    /// The size read so far, then what is missing of the data.
    missing: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Size,
    /// Blanks after the size, which only an extension may follow.
    Blank,
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    Last,
}

impl Chunks {
    /// Takes some of the bytes, at least one, and tells how many.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        if self.step == Step::Data {
            let eaten = bytes.len().min(usize::try_from(self.missing).unwrap_or(usize::MAX));
            self.missing -= eaten as u64;
            if self.missing == 0 {
                self.step = Step::DataReturn;
            }
            return Ok(eaten);
        }
        if let Some(&byte) = bytes.first() {
            self.step = self.after(byte)?;
        }
        Ok(1)
    }

    /// Whether the chunk without data was seen, so that trailers follow.
    pub(super) fn is_last(&self) -> bool {
        self.step == Step::Last
    }

    /// Whether the next byte is data.
    pub(super) fn is_in_data(&self) -> bool {
        self.step == Step::Data
    }

    fn after(&mut self, byte: u8) -> Result<Step, Fault> {
        match (self.step, byte) {
            (Step::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte),
            (Step::Size, b'\r') if self.digits > 0 => Ok(Step::SizeEnd),
            (Step::Size, b' ' | b'\t') if self.digits > 0 => self.extension(Step::Blank),
            (Step::Size, b';') if self.digits > 0 => self.extension(Step::Extension),
            (Step::Blank, b' ' | b'\t') => self.extension(Step::Blank),
            (Step::Blank, b';') => self.extension(Step::Extension),
            (Step::Extension, b'\r') => Ok(Step::SizeEnd),
            (Step::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.extension(Step::Extension),
            (Step::SizeEnd, b'\n') => Ok(self.size_read()),
            (Step::Size | Step::Blank | Step::Extension | Step::SizeEnd, _) => {
                Err(Fault::BadChunkSize)
            }
            (Step::DataReturn, b'\r') => Ok(Step::DataEnd),
            (Step::DataEnd, b'\n') => Ok(Step::Size),
            (Step::DataReturn | Step::DataEnd, _) => Err(Fault::BadChunkEnd),
            (Step::Data | Step::Last, _) => Ok(self.step),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<Step, Fault> {
        if self.digits == MAX_DIGITS {
            return Err(Fault::BadChunkSize);
        }
        let value = char::from(byte).to_digit(16).ok_or(Fault::BadChunkSize)?;
        self.digits += 1;
        self.missing = self.missing << 4 | u64::from(value);
        Ok(Step::Size)
    }

    fn extension(&mut self, next: Step) -> Result<Step, Fault> {
        self.extensions += 1;
        if self.extensions >= MAX_EXTENSIONS {
            return Err(Fault::LongExtensions);
        }
        Ok(next)
    }

    fn size_read(&mut self) -> Step {
        self.digits = 0;
        if self.missing == 0 { Step::Last } else { Step::Data }
    }
}
