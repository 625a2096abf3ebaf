//! Just under the quota and just over it: bytes, files, names.

use super::{BLOCK, CREATE, Tested, audit};
use crate::{BLOCK_BYTES, Error, FILE_BYTES_MAX, LINKS_MAX, OpenOptions, Usage};

const MB: usize = 1 << 20;

/// Writes until nothing more fits, in pieces, and says how many bytes it were.
fn fill(tested: &mut Tested, path: &str) -> u64 {
    let file = tested.open(path, CREATE).unwrap();
    let piece = vec![0xAB; 3 * MB / 2];
    let mut bytes = 0;
    let error = loop {
        match tested.scratch.append(&file, &piece, 1) {
            Ok(written) => bytes += written as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::NoSpace);
    tested.scratch.close(file);
    bytes
}

#[test]
fn the_bytes_of_512_mb_fit_and_not_one_more() {
    let mut tested = Tested::of_mb(512);
    assert_eq!(fill(&mut tested, "a"), 512 << 20);
    assert_eq!(tested.scratch.used(), Usage { bytes: 512 << 20, files: 1 });
    tested.put("empty", b"").unwrap();
    assert_eq!(tested.put("b", b"b"), Err(Error::NoSpace));
    assert_eq!(tested.make_directory("d"), Err(Error::NoSpace));
    tested.symlink(&"s".repeat(59), "short").unwrap();
    assert_eq!(tested.symlink(&"l".repeat(60), "long"), Err(Error::NoSpace));
    let file = tested.open("a", CREATE).unwrap();
    assert_eq!(tested.scratch.write(&file, 17, b"in place", 1), Ok(8), "what is there is writable");
    tested.scratch.set_size(&file, (512 << 20) - 1, 1).unwrap();
    assert_eq!(tested.put("b", b"b"), Err(Error::NoSpace), "a block that is used in part is used");
    tested.scratch.set_size(&file, (512 << 20) - BLOCK_BYTES, 1).unwrap();
    tested.put("b", &[b'b'; BLOCK]).unwrap();
    tested.scratch.close(file);
    audit(&tested.scratch);
    for path in ["a", "b", "empty", "short"] {
        tested.unlink(path).unwrap();
    }
    assert_eq!(tested.scratch.used(), Usage::default());
    assert_eq!(tested.scratch.peak(), Usage { bytes: 512 << 20, files: 4 });
    assert!(!tested.scratch.storage.has_file(), "the host has its disk back");
    assert_eq!(fill(&mut tested, "again"), 512 << 20);
}

#[test]
fn the_files_of_512_mb_fit_and_not_one_more() {
    let mut tested = Tested::of_mb(512);
    for file in 0..32_768 {
        tested.put(&format!("f{file}"), b"").unwrap();
    }
    assert_eq!(tested.put("more", b""), Err(Error::NoSpace));
    assert_eq!(tested.make_directory("more"), Err(Error::NoSpace));
    assert_eq!(tested.symlink("more", "more"), Err(Error::NoSpace));
    assert_eq!(tested.link("f0", "more"), Err(Error::NoSpace), "names are counted as well");
    assert_eq!(tested.scratch.peak().files, 32_768);
    audit(&tested.scratch);
    tested.rename("f0", "f1").unwrap();
    tested.put("more", b"").unwrap();
    assert_eq!(tested.put("over", b""), Err(Error::NoSpace));
}

#[test]
fn names_take_blocks_when_there_are_many() {
    let mut tested = Tested::of_mb(512);
    // 24 bytes for `.` and `..`, and 12 for each name of up to four letters.
    for file in 0..339 {
        tested.put(&format!("{file}"), b"").unwrap();
    }
    assert_eq!(tested.scratch.used().bytes, 0, "the root's first block is free");
    tested.put("339", b"").unwrap();
    assert_eq!(tested.scratch.used().bytes, BLOCK_BYTES);
    assert_eq!(tested.scratch.stat(&tested.root).size, 2 * BLOCK_BYTES);
    tested.unlink("7").unwrap();
    assert_eq!(tested.scratch.used().bytes, 0);
}

#[test]
fn a_name_that_does_not_fit_leaves_everything_as_it_was() {
    let mut tested = Tested::of_mb(1);
    tested.make_directory("d").unwrap();
    let names: Vec<String> = (10..25).map(|name| format!("d/{name}{}", "n".repeat(250))).collect();
    for name in &names {
        tested.put(name, b"").unwrap();
    }
    let long = format!("d/{}", "x".repeat(255));
    tested.put("old", b"").unwrap();
    fill(&mut tested, "rest");
    let used = tested.scratch.used();
    let changed = tested.scratch.stat(&tested.root).changed;
    let moved = tested.scratch.rename_at(&tested.root, "old", &tested.root, &long, 99);
    assert_eq!(moved, Err(Error::NoSpace));
    assert_eq!(tested.link("old", &long), Err(Error::NoSpace));
    assert_eq!(tested.put(&long, b""), Err(Error::NoSpace));
    assert_eq!(tested.symlink("old", &long), Err(Error::NoSpace));
    assert_eq!(tested.names("."), ["d", "old", "rest"]);
    assert_eq!((tested.scratch.used(), tested.scratch.stat(&tested.root).changed), (used, changed));
    audit(&tested.scratch);
    tested.rename("old", &names[0]).unwrap();
    audit(&tested.scratch);
}

#[test]
fn a_long_link_without_room_for_its_name_takes_nothing() {
    let mut tested = Tested::of_mb(1);
    tested.make_directory("d").unwrap();
    for name in 10..25 {
        tested.put(&format!("d/{name}{}", "n".repeat(250)), b"").unwrap();
    }
    fill(&mut tested, "rest");
    let file = tested.open("rest", CREATE).unwrap();
    let size = tested.scratch.stat(&file).size;
    tested.scratch.set_size(&file, size - BLOCK_BYTES, 1).unwrap();
    tested.scratch.close(file);
    let used = tested.scratch.used();
    let long = format!("d/{}", "x".repeat(255));
    assert_eq!(tested.symlink(&"l".repeat(60), &long), Err(Error::NoSpace));
    assert_eq!(tested.scratch.used(), used);
    audit(&tested.scratch);
}

#[test]
fn holes_cost_nothing_and_sizes_have_an_end() {
    let mut tested = Tested::of_mb(1);
    let file = tested.open("sparse", CREATE).unwrap();
    tested.scratch.set_size(&file, FILE_BYTES_MAX, 1).unwrap();
    assert_eq!(tested.scratch.used().bytes, 0);
    let scratch = &mut tested.scratch;
    assert_eq!(scratch.write(&file, FILE_BYTES_MAX - 3, b"12345", 1), Ok(3));
    assert_eq!(scratch.used().bytes, BLOCK_BYTES);
    for offset in [FILE_BYTES_MAX, u64::MAX] {
        assert_eq!(scratch.write(&file, offset, b"1", 1), Err(Error::FileTooLarge));
        assert_eq!(scratch.write(&file, offset, b"", 1), Ok(0));
        assert_eq!(scratch.read(&file, offset, &mut [0; 8]), Ok(0));
    }
    assert_eq!(scratch.append(&file, b"1", 1), Err(Error::FileTooLarge));
    assert_eq!(scratch.set_size(&file, FILE_BYTES_MAX + 1, 1), Err(Error::FileTooLarge));
    let mut buffer = [9; 8];
    assert_eq!(scratch.read(&file, FILE_BYTES_MAX - 5, &mut buffer), Ok(5));
    assert_eq!(&buffer[..5], b"\0\x00123");
    audit(scratch);
}

#[test]
fn a_write_that_fits_in_part_is_short() {
    let mut tested = Tested::of_mb(1);
    let file = tested.open("f", CREATE).unwrap();
    // Two blocks in the middle are there already; the quota ends in the second hole.
    tested.scratch.write(&file, 100 * BLOCK_BYTES, &[1; 2 * BLOCK], 1).unwrap();
    let written = tested.scratch.write(&file, 5, &vec![2; 2 * MB], 1).unwrap();
    assert_eq!(written, MB - 5);
    assert_eq!(tested.scratch.used().bytes, MB as u64);
    assert_eq!(tested.scratch.stat(&file).size, MB as u64);
    audit(&tested.scratch);
}

#[test]
fn a_file_has_no_more_names_than_ext4_gives_it() {
    let mut tested = Tested::of_mb(10_240);
    tested.put("f", b"").unwrap();
    for name in 1..LINKS_MAX {
        tested.link("f", &format!("{name}")).unwrap();
    }
    assert_eq!(tested.link("f", "more"), Err(Error::TooManyLinks));
    let exclusive = OpenOptions { exclusive: true, ..CREATE };
    let other = tested.open("more", exclusive).unwrap();
    tested.scratch.close(other);
}
