//! Where bytes are kept: old ones never show, and a host that fails is an error.

use std::fs::{File, OpenOptions as HostOptions};
use std::io::ErrorKind;

use super::{BLOCK, CREATE, Tested, audit};
use crate::storage::Storage;
use crate::{BLOCK_BYTES, Error};

/// A file system whose blocks, those in memory and in the file, have all held 0xEE.
fn used_up() -> Tested {
    let mut tested = Tested::of_mb(4);
    tested.put("kept", b"keeps the storage from being made anew").unwrap();
    tested.put("old", &vec![0xEE; 3 << 20]).unwrap();
    assert!(tested.scratch.storage.has_file());
    tested.unlink("old").unwrap();
    tested
}

#[test]
fn old_content_never_shows() {
    let mut tested = used_up();
    let file = tested.open("new", CREATE).unwrap();
    // One byte in every third block, with an offset that wanders; then a size beyond it all.
    for block in (0..700_u64).step_by(3) {
        let offset = block * (BLOCK_BYTES + 1);
        assert_eq!(tested.scratch.write(&file, offset, &[1], 1), Ok(1));
    }
    tested.scratch.set_size(&file, 3 << 20, 1).unwrap();
    tested.scratch.close(file);
    let content = tested.get("new").unwrap();
    assert_eq!(content.iter().map(|byte| usize::from(*byte)).sum::<usize>(), 234);
    assert!(content.iter().all(|byte| *byte <= 1));
    audit(&tested.scratch);
}

#[test]
fn what_was_cut_off_reads_as_zeros_when_the_file_grows_again() {
    let mut tested = Tested::of_mb(4);
    for size in [BLOCK - 1, 3 * BLOCK + 7, (1 << 20) + 5] {
        tested.put("f", &vec![0xEE; 2 << 20]).unwrap();
        let file = tested.open("f", CREATE).unwrap();
        tested.scratch.set_size(&file, size as u64, 1).unwrap();
        tested.scratch.set_size(&file, 2 << 20, 1).unwrap();
        tested.scratch.close(file);
        let content = tested.get("f").unwrap();
        assert!(content[..size].iter().all(|byte| *byte == 0xEE));
        assert!(content[size..].iter().all(|byte| *byte == 0));
        audit(&tested.scratch);
    }
}

#[test]
fn interleaved_files_keep_their_own_bytes() {
    let mut tested = Tested::of_mb(8);
    let files: Vec<_> =
        (0..4).map(|file| tested.open(&format!("{file}"), CREATE).unwrap()).collect();
    for piece in 0_u8..200 {
        for (file, number) in files.iter().zip(0_u8..) {
            tested.scratch.append(file, &vec![piece ^ number; 7_001], 1).unwrap();
        }
    }
    audit(&tested.scratch);
    for number in 0_u8..4 {
        let content = tested.get(&number.to_string()).unwrap();
        let pieces = content.chunks(7_001).zip(0_u8..);
        assert!(pieces.clone().count() == 200);
        for (bytes, piece) in pieces {
            assert!(bytes.iter().all(|byte| *byte == piece ^ number));
        }
    }
    for file in files {
        tested.scratch.close(file);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_of_the_host_is_an_error_and_costs_nothing() {
    let mut tested = Tested::of_mb(4);
    let full = HostOptions::new().read(true).write(true).open("/dev/full").unwrap();
    tested.scratch.storage = Storage::with_file(full);
    let file = tested.open("f", CREATE).unwrap();
    let first = vec![1; 1 << 20];
    assert_eq!(tested.scratch.write(&file, 0, &first, 1), Ok(1 << 20));
    let used = tested.scratch.used();
    let failed = tested.scratch.append(&file, b"more", 1);
    assert_eq!(failed, Err(Error::Io(ErrorKind::StorageFull)));
    assert_eq!((tested.scratch.used(), tested.scratch.stat(&file).size), (used, 1 << 20));
    assert_eq!(tested.symlink(&"l".repeat(100), "l"), Err(Error::Io(ErrorKind::StorageFull)));
    audit(&tested.scratch);
    tested.scratch.close(file);
    assert_eq!(tested.get("f"), Ok(first));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_the_host_that_lost_its_bytes_is_an_error() {
    let mut tested = Tested::of_mb(4);
    tested.put("f", &vec![1; 2 << 20]).unwrap();
    let emptied: File = tempfile::tempfile().unwrap();
    tested.scratch.storage.replace_file(emptied);
    assert_eq!(tested.get("f"), Err(Error::Io(ErrorKind::UnexpectedEof)));
    let file = tested.open("f", CREATE).unwrap();
    let mut buffer = vec![0; 1 << 20];
    assert_eq!(tested.scratch.read(&file, 0, &mut buffer), Ok(1 << 20), "memory is as it was");
    tested.scratch.close(file);
}
