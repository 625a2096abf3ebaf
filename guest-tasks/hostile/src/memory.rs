//! Deeds that take memory.

use std::hint::black_box;

/// What is taken at a time: a page of WebAssembly memory.
const PIECE_BYTES: usize = 64 << 10;

/// Takes so many bytes, or all there are, and writes to each.
pub(crate) fn allocate(bytes: Option<usize>) -> usize {
    let bytes = bytes.unwrap_or(usize::MAX);
    let mut pieces = Vec::new();
    let mut allocated = 0;
    while allocated < bytes {
        let piece = PIECE_BYTES.min(bytes - allocated);
        pieces.push(vec![0xA5_u8; piece]);
        black_box(&mut pieces);
        allocated += piece;
    }
    allocated
}

/// Calls itself until the stack is used up; not a tail call, and with a frame in linear memory.
#[expect(unconditional_recursion, reason = "the deed")]
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    recurse(depth + 1) + black_box(frame)[0]
}

/// A JSON string of so many bytes, its quotes included.
pub(crate) fn json_string(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    text.push('"');
    text.extend(std::iter::repeat_n('x', bytes.saturating_sub(2)));
    text.push('"');
    text
}
