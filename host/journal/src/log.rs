//! The log beside a journal, which SQLite calls WAL, byte by byte.
//!
//! SQLite passes over what is damaged in its log without a word: what was committed there is then gone.
//! Format: <https://sqlite.org/fileformat2.html#walformat>.

use std::fs;
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// The last bit tells the byte order of the checksums.
const MAGIC: u32 = 0x377f_0682;

/// What is wrong with a log, if anything is. A missing or empty one is in order.
///
/// A log may end in what never was committed, and in what is left of an older one.
pub(crate) fn look_at(path: &Path) -> Option<String> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(format!("the log `{}` cannot be read: {error}", path.display())),
    };
    if bytes.is_empty() {
        return None;
    }
    let shown = path.display();
    if bytes.len() < HEADER_BYTES {
        return Some(format!("the log `{shown}` ends within its header"));
    }
    let (header, frames) = bytes.split_at(HEADER_BYTES);
    let (magic, page_bytes) = (word(header, 0), word(header, 8) as usize);
    let big_endian = magic & 1 == 1;
    let mut sum = checksum((0, 0), &header[..24], big_endian);
    let known = magic & !1 == MAGIC && page_bytes.is_power_of_two();
    if !known || sum != (word(header, 24), word(header, 28)) {
        return Some(format!(
            "the log `{shown}` begins with something else; SQLite ignores it whole"
        ));
    }
    let salt = &header[16..24];
    let mut broken = None;
    for (index, frame) in frames.chunks_exact(FRAME_HEADER_BYTES + page_bytes).enumerate() {
        if &frame[8..16] != salt {
            // Left of an older log: this one was shorter.
            break;
        }
        if broken.is_none() {
            let summed = checksum(sum, &frame[..8], big_endian);
            sum = checksum(summed, &frame[FRAME_HEADER_BYTES..], big_endian);
            if sum != (word(frame, 16), word(frame, 20)) {
                broken = Some(index);
            }
        }
        // A frame that ends a transaction tells the file's size.
        if let Some(broken) = broken
            && word(frame, 4) != 0
        {
            return Some(format!(
                "the log `{shown}` is damaged at page {broken}; what was committed from there on is lost"
            ));
        }
    }
    None
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn checksum(mut sum: (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let swap = |word: u32| if big_endian { word } else { word.swap_bytes() };
        sum.0 = sum.0.wrapping_add(swap(word(pair, 0))).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(swap(word(pair, 4))).wrapping_add(sum.0);
    }
    sum
}
