//! The rules of names and paths, one by one.

use super::{CREATE, READ, Tested, audit};
use crate::{Error, Kind, NAME_BYTES_MAX, OpenOptions};

fn tested() -> Tested {
    let mut tested = Tested::of_mb(1);
    tested.make_directory("d").unwrap();
    tested.make_directory("d/e").unwrap();
    tested.put("f", b"f").unwrap();
    tested.put("d/g", b"gg").unwrap();
    tested
}

#[test]
fn no_path_is_absolute_or_climbs_above_where_it_starts() {
    let mut tested = tested();
    tested.symlink("..", "d/up").unwrap();
    tested.symlink("../..", "d/out").unwrap();
    tested.symlink("d/out/etc/passwd", "far").unwrap();
    let out =
        ["/", "/etc/passwd", "..", "../f", "d/../..", "d/e/../../../f", "d/out", "far", "./.."];
    for path in out {
        assert_eq!(tested.open(path, READ).unwrap_err(), Error::NotPermitted, "{path}");
        assert_eq!(tested.scratch.stat_at(&tested.root, path, true), Err(Error::NotPermitted));
    }
    assert_eq!(tested.get("d/e/../up/f"), Ok(b"f".to_vec()));
    // A folder is its own roof, whatever is above it.
    let start = tested.open("d", READ).unwrap();
    for path in ["..", "../f", "up/f", "e/../.."] {
        let opened = tested.scratch.open_at(&start, path, READ, 1);
        assert_eq!(opened.unwrap_err(), Error::NotPermitted, "{path}");
    }
    assert_eq!(tested.scratch.stat_at(&start, "e/../g", true).unwrap().size, 2);
    for path in ["..", "../x", "/x", "d/out/x"] {
        assert_eq!(tested.make_directory(path), Err(Error::NotPermitted), "{path}");
        assert_eq!(tested.put(path, b""), Err(Error::NotPermitted), "{path}");
        assert_eq!(tested.symlink("f", path), Err(Error::NotPermitted), "{path}");
        assert_eq!(tested.unlink(path), Err(Error::NotPermitted), "{path}");
        assert_eq!(tested.remove_directory(path), Err(Error::NotPermitted), "{path}");
        assert_eq!(tested.link("f", path), Err(Error::NotPermitted), "{path}");
        assert_eq!(tested.link(path, "x"), Err(Error::NotPermitted), "{path}");
        assert_eq!(tested.rename("f", path), Err(Error::NotPermitted), "{path}");
        assert_eq!(tested.rename(path, "x"), Err(Error::NotPermitted), "{path}");
    }
}

#[test]
fn a_symbolic_link_holds_no_absolute_path() {
    let mut tested = tested();
    assert_eq!(tested.symlink("/etc/passwd", "l"), Err(Error::NotPermitted));
    assert_eq!(tested.symlink("", "l"), Err(Error::NotFound));
    assert_eq!(tested.symlink("a\0", "l"), Err(Error::Invalid));
    assert_eq!(tested.symlink(&"l".repeat(4_096), "l"), Err(Error::NameTooLong));
    for target in ["nowhere", &"l".repeat(59), &"l".repeat(60), &"l".repeat(4_095)] {
        tested.symlink(target, "l").unwrap();
        assert_eq!(tested.scratch.readlink_at(&tested.root, "l").as_deref(), Ok(target));
        let stat = tested.scratch.stat_at(&tested.root, "l", false).unwrap();
        assert_eq!((stat.kind, stat.size), (Kind::Symlink, target.len() as u64));
        audit(&tested.scratch);
        tested.unlink("l").unwrap();
    }
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let mut tested = tested();
    tested.symlink("f", "l0").unwrap();
    for link in 1..=40 {
        tested.symlink(&format!("l{}", link - 1), &format!("l{link}")).unwrap();
    }
    assert_eq!(tested.get("l39"), Ok(b"f".to_vec()));
    assert_eq!(tested.get("l40"), Err(Error::Loop));
    tested.symlink("loop", "loop").unwrap();
    tested.symlink("wide/wide/wide", "wide").unwrap();
    assert_eq!(tested.get("loop"), Err(Error::Loop));
    assert_eq!(tested.get("loop/f"), Err(Error::Loop));
    assert_eq!(tested.get("wide"), Err(Error::Loop));
    let no_follow = OpenOptions { follow: false, ..READ };
    assert_eq!(tested.open("l0", no_follow).unwrap_err(), Error::Loop);
}

#[test]
fn names_and_paths_have_their_longest() {
    let mut tested = tested();
    let name = "n".repeat(NAME_BYTES_MAX);
    tested.put(&name, b"").unwrap();
    assert_eq!(tested.put(&format!("{name}n"), b""), Err(Error::NameTooLong));
    assert_eq!(tested.rename("f", &format!("{name}n")), Err(Error::NameTooLong));
    let path = format!("{}f", "./".repeat(2_047));
    assert_eq!(tested.get(&path), Ok(b"f".to_vec()));
    assert_eq!(tested.get(&format!("./{path}")), Err(Error::NameTooLong));
}

#[test]
fn a_slash_at_the_end_means_a_folder() {
    let mut tested = tested();
    tested.symlink("d", "to-d").unwrap();
    tested.symlink("f", "to-f").unwrap();
    assert_eq!(tested.open("f/", READ).unwrap_err(), Error::NotDirectory);
    assert_eq!(tested.open("to-f/", READ).unwrap_err(), Error::NotDirectory);
    assert_eq!(tested.open("new/", CREATE).unwrap_err(), Error::IsDirectory);
    let stat = tested.scratch.stat_at(&tested.root, "to-d/", false).unwrap();
    assert_eq!(stat.kind, Kind::Directory);
    tested.make_directory("d2//").unwrap();
    tested.rename("d2/", "d3/").unwrap();
    assert_eq!(tested.rename("f", "f2/"), Err(Error::NotDirectory));
    assert_eq!(tested.unlink("f/"), Err(Error::NotDirectory));
    assert_eq!(tested.symlink("f", "x/"), Err(Error::NotFound));
    tested.remove_directory("d3/").unwrap();
}

#[test]
fn opening_minds_its_flags() {
    let mut tested = tested();
    let exclusive = OpenOptions { exclusive: true, ..CREATE };
    let directory = OpenOptions { directory: true, ..READ };
    let truncate = OpenOptions { truncate: true, ..READ };
    tested.symlink("nowhere", "dangling").unwrap();
    let refused = [
        ("f", exclusive, Error::Exists),
        ("dangling", exclusive, Error::Exists),
        ("d", exclusive, Error::Exists),
        ("f", directory, Error::NotDirectory),
        ("d", CREATE, Error::IsDirectory),
        ("d", OpenOptions { write: true, ..READ }, Error::IsDirectory),
        ("d", truncate, Error::IsDirectory),
        ("d", OpenOptions { truncate: true, ..directory }, Error::Invalid),
        ("dangling", READ, Error::NotFound),
        ("nowhere/f", CREATE, Error::NotFound),
        ("f/f", CREATE, Error::NotDirectory),
        ("", READ, Error::NotFound),
    ];
    for (path, options, error) in refused {
        assert_eq!(tested.open(path, options).unwrap_err(), error, "{path} {options:?}");
    }
    let made = tested.open("dangling", CREATE).unwrap();
    assert_eq!(tested.names("."), ["d", "dangling", "f", "nowhere"]);
    tested.scratch.close(made);
    let cut = tested.open("d/g", truncate).unwrap();
    assert_eq!(tested.scratch.stat(&cut).size, 0);
}

#[test]
fn folders_are_removed_when_empty_and_files_when_they_are_files() {
    let mut tested = tested();
    assert_eq!(tested.remove_directory("d"), Err(Error::NotEmpty));
    assert_eq!(tested.remove_directory("f"), Err(Error::NotDirectory));
    assert_eq!(tested.remove_directory("."), Err(Error::Invalid));
    assert_eq!(tested.remove_directory("d/e/.."), Err(Error::NotEmpty));
    assert_eq!(tested.unlink("d"), Err(Error::IsDirectory));
    assert_eq!(tested.unlink("."), Err(Error::IsDirectory));
    assert_eq!(tested.unlink("nothing"), Err(Error::NotFound));
    tested.remove_directory("d/e").unwrap();
    tested.unlink("d/g").unwrap();
    tested.remove_directory("d").unwrap();
    assert_eq!(tested.names("."), ["f"]);
    audit(&tested.scratch);
}

#[test]
fn a_folder_is_not_moved_into_itself_nor_over_what_is_above_it() {
    let mut tested = tested();
    assert_eq!(tested.rename("d", "d/e/d"), Err(Error::Invalid));
    assert_eq!(tested.rename("d", "d/x"), Err(Error::Invalid));
    assert_eq!(tested.rename("d/e", "d"), Err(Error::NotEmpty));
    assert_eq!(tested.rename("d/g", "d"), Err(Error::NotEmpty));
    assert_eq!(tested.rename("d", "f"), Err(Error::NotDirectory));
    assert_eq!(tested.rename("f", "d/e"), Err(Error::IsDirectory));
    assert_eq!(tested.rename("f/.", "x"), Err(Error::NotDirectory));
    assert_eq!(tested.rename("d/.", "x"), Err(Error::Busy));
    tested.rename("d", "d").unwrap();
    tested.make_directory("empty").unwrap();
    tested.rename("d/e", "empty").unwrap();
    tested.put("empty/inside", b"").unwrap();
    assert_eq!(tested.rename("d", "empty"), Err(Error::NotEmpty));
    tested.rename("f", "d/g").unwrap();
    assert_eq!(tested.get("d/g"), Ok(b"f".to_vec()));
    tested.rename("d", "empty/d").unwrap();
    assert_eq!(tested.get("empty/d/../d/g"), Ok(b"f".to_vec()));
    assert_eq!(tested.names("."), ["empty"]);
    audit(&tested.scratch);
}

#[test]
fn a_file_has_many_names_and_lives_until_the_last() {
    let mut tested = tested();
    tested.link("f", "d/also").unwrap();
    assert_eq!(tested.link("d", "e"), Err(Error::NotPermitted));
    assert_eq!(tested.link("f", "d/also"), Err(Error::Exists));
    let stat = tested.scratch.stat_at(&tested.root, "d/also", true).unwrap();
    assert_eq!((stat.links, stat.number), {
        let other = tested.scratch.stat_at(&tested.root, "f", true).unwrap();
        (2, other.number)
    });
    tested.rename("f", "d/also").unwrap();
    assert_eq!(tested.names("."), ["d", "f"], "two names of one file stay two");
    tested.unlink("f").unwrap();
    assert_eq!(tested.get("d/also"), Ok(b"f".to_vec()));
    tested.symlink("f", "l").unwrap();
    tested.link("l", "l2").unwrap();
    assert_eq!(tested.scratch.readlink_at(&tested.root, "l2").as_deref(), Ok("f"));
    assert_eq!(tested.scratch.readlink_at(&tested.root, "d"), Err(Error::Invalid));
    audit(&tested.scratch);
}

#[test]
fn what_is_removed_while_open_lives_until_it_is_closed() {
    let mut tested = tested();
    let before = tested.scratch.used();
    let file = tested.open("gone", CREATE).unwrap();
    tested.scratch.write(&file, 0, b"still here", 1).unwrap();
    let again = tested.scratch.duplicate(&file);
    tested.unlink("gone").unwrap();
    tested.scratch.close(file);
    let mut buffer = [0; 20];
    assert_eq!(tested.scratch.read(&again, 0, &mut buffer), Ok(10));
    assert_eq!(tested.scratch.stat(&again).links, 0);
    assert_eq!(tested.scratch.used().files, before.files + 1);
    audit(&tested.scratch);
    tested.scratch.close(again);
    assert_eq!(tested.scratch.used(), before);
}

#[test]
fn a_removed_folder_is_a_dead_end() {
    let mut tested = tested();
    tested.make_directory("x").unwrap();
    tested.make_directory("x/y").unwrap();
    let dead = tested.open("x/y", READ).unwrap();
    tested.remove_directory("x/y").unwrap();
    tested.remove_directory("x").unwrap();
    let scratch = &mut tested.scratch;
    assert_eq!(scratch.create_directory_at(&dead, "z", 1), Err(Error::NotFound));
    assert_eq!(scratch.open_at(&dead, "z", CREATE, 1).unwrap_err(), Error::NotFound);
    assert_eq!(scratch.open_at(&dead, "..", READ, 1).unwrap_err(), Error::NotPermitted);
    assert_eq!(scratch.rename_at(&tested.root, "d", &dead, "z", 1), Err(Error::NotFound));
    assert_eq!(scratch.rename_at(&dead, "z", &tested.root, "d", 1), Err(Error::NotFound));
    assert_eq!(scratch.link_at(&tested.root, "f", &dead, "z", 1), Err(Error::NotFound));
    assert_eq!(scratch.read_directory(&dead, None, 9), Ok(Vec::new()));
    audit(scratch);
    scratch.close(dead);
    audit(&tested.scratch);
}

#[test]
fn a_listing_goes_on_after_a_name_in_the_order_of_bytes() {
    let mut tested = Tested::of_mb(1);
    for name in ["b", "é", "a", "B", "c"] {
        tested.put(name, b"").unwrap();
    }
    assert_eq!(tested.names("."), ["B", "a", "b", "c", "é"]);
    let page = tested.scratch.read_directory(&tested.root, Some("a"), 2).unwrap();
    let names: Vec<&str> = page.iter().map(|entry| &*entry.name).collect();
    assert_eq!(names, ["b", "c"]);
    tested.unlink("c").unwrap();
    let page = tested.scratch.read_directory(&tested.root, Some("c"), 2).unwrap();
    assert_eq!(page[0].name.as_ref(), "é");
    assert_eq!(tested.scratch.read_directory(&tested.root, Some("é"), 2), Ok(Vec::new()));
}

#[test]
fn times_are_the_callers() {
    let mut tested = tested();
    let times = |tested: &Tested, path| {
        let stat = tested.scratch.stat_at(&tested.root, path, true).unwrap();
        (stat.accessed, stat.modified, stat.changed)
    };
    let file = tested.scratch.open_at(&tested.root, "t", CREATE, 10).unwrap();
    assert_eq!(times(&tested, "t"), (10, 10, 10));
    assert_eq!(times(&tested, "."), (0, 10, 10));
    tested.scratch.append(&file, b"t", 20).unwrap();
    assert_eq!(times(&tested, "t"), (10, 20, 20));
    tested.scratch.set_size(&file, 0, 30).unwrap();
    assert_eq!(times(&tested, "t"), (10, 30, 30));
    tested.scratch.set_times(&file, Some(7), None, 40);
    assert_eq!(times(&tested, "t"), (7, 30, 40));
    tested.scratch.set_times_at(&tested.root, "t", true, (None, Some(8)), 50).unwrap();
    assert_eq!(times(&tested, "t"), (7, 8, 50));
    tested.scratch.rename_at(&tested.root, "t", &tested.root, "u", 60).unwrap();
    assert_eq!(times(&tested, "u"), (7, 8, 60));
    assert_eq!(times(&tested, "."), (0, 60, 60));
}

#[test]
fn folders_nest_as_deep_as_there_are_files() {
    let mut tested = Tested::of_mb(512);
    let mut start = tested.scratch.root();
    for depth in 0..32_768 {
        tested.scratch.create_directory_at(&start, "d", 1).unwrap_or_else(|error| {
            panic!("{error} at {depth}");
        });
        let deeper = tested.scratch.open_at(&start, "d", READ, 1).unwrap();
        tested.scratch.close(start);
        start = deeper;
    }
    let full = tested.scratch.create_directory_at(&start, "d", 1);
    assert_eq!(full, Err(Error::NoSpace));
    tested.scratch.close(start);
    audit(&tested.scratch);
    drop(tested);
}
