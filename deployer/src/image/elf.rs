//! What does an executable say of itself? For which machine it is, who loads it, and which libraries it asks
//! for, read from what the kernel and the loader read: names of sections may be gone.

use std::fmt::{self, Display, Formatter};

use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind, elf};

/// A machine that images are for, in the words of OCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Platform {
    /// Such as `amd64` or `arm64`: what Kubernetes says of a node.
    pub architecture: &'static str,
    /// Which of several machines of that name, where there are several.
    pub variant: Option<&'static str>,
}

impl Display for Platform {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { architecture, variant } = self;
        write!(f, "linux/{architecture}")?;
        variant.map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// What stands in an ELF file, as far as it matters to who loads it.
#[derive(Clone, Debug, Default)]
pub(super) struct Elf {
    kind: u16,
    machine: u16,
    wide: bool,
    little: bool,
    /// The loader's path.
    pub(super) interpreter: Option<String>,
    /// The libraries it asks for.
    pub(super) needed: Vec<String>,
    /// Where it wants them, and those that they ask for, to be looked for; first of all.
    pub(super) rpath: Vec<String>,
    /// Where it alone wants them to be looked for.
    pub(super) runpath: Vec<String>,
}

/// Reads it, or says what it is instead.
pub(super) fn read(content: &[u8]) -> Result<Elf, String> {
    if content.starts_with(b"#!") {
        return Err("a script".to_owned());
    }
    let read = match FileKind::parse(content) {
        Ok(FileKind::Elf64) => fields::<elf::FileHeader64<Endianness>>(content),
        Ok(FileKind::Elf32) => fields::<elf::FileHeader32<Endianness>>(content),
        Ok(other) => return Err(format!("of another kind ({other:?})")),
        Err(_) => return Err("not a program".to_owned()),
    };
    read.map_err(|error| format!("a broken ELF file ({error})"))
}

fn fields<E: FileHeader<Endian = Endianness>>(content: &[u8]) -> object::Result<Elf> {
    let header = E::parse(content)?;
    let endian = header.endian()?;
    let mut read = Elf {
        kind: header.e_type(endian),
        machine: header.e_machine(endian),
        wide: header.is_class_64(),
        little: header.is_little_endian(),
        ..Elf::default()
    };
    let segments = header.program_headers(endian, content)?;
    let mut entries = Vec::new();
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, content)? {
            read.interpreter = Some(String::from_utf8_lossy(path).into_owned());
        }
        let found = segment.dynamic(endian, content)?.unwrap_or_default();
        let found = found.iter().map(|entry| (entry.tag(endian), entry.val(endian)));
        entries.extend(found.take_while(|(tag, _)| *tag != elf::DT_NULL));
    }
    let value = |wanted| entries.iter().find(|(tag, _)| *tag == wanted).map_or(0, |found| found.1);
    let (from, size) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ));
    let range = |segment: &E::ProgramHeader| {
        let loaded = segment.p_type(endian) == elf::PT_LOAD;
        loaded.then(|| segment.data_range(endian, content, from, size).ok().flatten()).flatten()
    };
    let strings = segments.iter().find_map(range).unwrap_or_default();
    for (tag, at) in entries {
        let text = || text(strings, at);
        match tag {
            elf::DT_NEEDED => read.needed.push(text()),
            elf::DT_RPATH => read.rpath.extend(folders(&text())),
            elf::DT_RUNPATH => read.runpath.extend(folders(&text())),
            _ => {}
        }
    }
    Ok(read)
}

fn text(strings: &[u8], at: u64) -> String {
    let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..)).unwrap_or_default();
    let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn folders(list: &str) -> Vec<String> {
    list.split(':').filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
}

impl Elf {
    /// Itself, when Linux runs it, on a machine that images have a name for.
    pub(super) fn executable(self) -> Result<Self, String> {
        let program = self.kind == elf::ET_EXEC || self.kind == elf::ET_DYN;
        if !program {
            return Err("an ELF file that is not linked".to_owned());
        }
        if self.interpreter.is_none() && !self.needed.is_empty() {
            return Err("a library".to_owned());
        }
        if platform(self.machine, self.little).is_none() {
            return Err(format!("for a machine without a name in OCI (ELF's {})", self.machine));
        }
        Ok(self)
    }

    /// The machine it is for.
    pub(super) fn platform(&self) -> Platform {
        platform(self.machine, self.little)
            .unwrap_or(Platform { architecture: "unknown", variant: None })
    }

    /// Whether both can be in one process.
    pub(super) fn fits(&self, other: &Self) -> bool {
        let key = |elf: &Self| (elf.machine, elf.wide, elf.little);
        key(self) == key(other)
    }
}

fn platform(machine: u16, little: bool) -> Option<Platform> {
    let (architecture, variant) = match machine {
        elf::EM_X86_64 => ("amd64", None),
        elf::EM_AARCH64 => ("arm64", Some("v8")),
        elf::EM_ARM => ("arm", Some("v7")),
        elf::EM_386 => ("386", None),
        elf::EM_RISCV => ("riscv64", None),
        elf::EM_S390 => ("s390x", None),
        elf::EM_PPC64 if little => ("ppc64le", None),
        elf::EM_LOONGARCH => ("loong64", None),
        _ => return None,
    };
    Some(Platform { architecture, variant })
}
