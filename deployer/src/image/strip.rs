//! What of a program does only a debugger read? The sections `.debug_*`, which are most of a debug build. They
//! are left out as `strip --strip-debug` does; the names of functions stay, for backtraces.

use object::elf::{FileHeader64, SHF_ALLOC, SHT_NOBITS, SectionHeader64};
use object::pod::bytes_of;
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use object::{Endianness, U32, U64};

type File = FileHeader64<Endianness>;
type Section = SectionHeader64<Endianness>;

/// The program without it; `None` when there is nothing of it, or the file is laid out as no linker does it.
pub(super) fn debug_info(content: &[u8]) -> Option<Vec<u8>> {
    let header = File::parse(content).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.section_headers(endian, content).ok()?;
    let names = header.section_strings(endian, content, sections).ok()?;
    let dropped = |section: &Section| {
        let name = section.name(endian, names).unwrap_or_default();
        let debug = [&b".debug_"[..], b".zdebug_", b".rela.debug_"];
        !loaded(section, endian) && debug.iter().any(|begin| name.starts_with(begin))
    };
    if !sections.iter().any(dropped) {
        return None;
    }
    let end = end_of_loaded(header, endian, content, sections)?;
    let mut out = content.get(..end)?.to_vec();
    let mut table = Vec::with_capacity(sections.len());
    for section in sections {
        table.push(match section {
            // An empty place, so that the others keep their numbers.
            section if dropped(section) => nothing(),
            section if stays(section, endian, end)? => *section,
            section => moved(section, endian, content, &mut out)?,
        });
    }
    align(&mut out, 8);
    let mut header = *header;
    header.e_shoff = U64::new(endian, out.len() as u64);
    for section in &table {
        out.extend_from_slice(bytes_of(section));
    }
    let head = bytes_of(&header);
    out.get_mut(..head.len())?.copy_from_slice(head);
    Some(out)
}

fn loaded(section: &Section, endian: Endianness) -> bool {
    section.sh_flags(endian) & u64::from(SHF_ALLOC) != 0
}

/// Where that ends which the kernel and the loader read.
fn end_of_loaded(
    header: &File,
    endian: Endianness,
    content: &[u8],
    sections: &[Section],
) -> Option<usize> {
    let segments = header.program_headers(endian, content).ok()?;
    let ends = segments.iter().map(|segment| {
        let (from, size) = segment.file_range(endian);
        from.checked_add(size)
    });
    let alloc = sections.iter().filter(|section| loaded(section, endian));
    let more = alloc.filter_map(|section| section.file_range(endian));
    let more = more.map(|(from, size)| from.checked_add(size));
    let headers = header.e_phoff(endian).checked_add(size_of_val(segments) as u64);
    let end = ends.chain(more).chain([headers, Some(size_of::<File>() as u64)]);
    usize::try_from(end.collect::<Option<Vec<_>>>()?.into_iter().max()?).ok()
}

/// Whether a section is where it was: within what is loaded, or without bytes.
fn stays(section: &Section, endian: Endianness, end: usize) -> Option<bool> {
    let (from, size) = (section.sh_offset(endian), section.sh_size(endian));
    let empty = section.sh_type(endian) == SHT_NOBITS || size == 0;
    Some(empty || from.checked_add(size)? <= end as u64)
}

fn moved(
    section: &Section,
    endian: Endianness,
    content: &[u8],
    out: &mut Vec<u8>,
) -> Option<Section> {
    align(out, usize::try_from(section.sh_addralign(endian)).ok()?.clamp(1, 4096));
    let at = out.len() as u64;
    out.extend_from_slice(section.data(endian, content).ok()?);
    let mut moved = *section;
    moved.sh_offset = U64::new(endian, at);
    Some(moved)
}

fn align(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

fn nothing() -> Section {
    let (word, long) = (U32::default(), U64::default());
    Section {
        sh_name: word,
        sh_type: word,
        sh_flags: long,
        sh_addr: long,
        sh_offset: long,
        sh_size: long,
        sh_link: word,
        sh_info: word,
        sh_addralign: long,
        sh_entsize: long,
    }
}
