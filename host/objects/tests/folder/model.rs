//! Any sequence of operations on any keys does to a folder what it does to a sorted map.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use proptest::prelude::*;
use stepwell_objects::{Buckets, FolderBuckets, ListRequest};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const BUCKET: &str = "rows";

#[derive(Clone, Debug)]
enum Step {
    Put(String, Vec<u8>),
    Stream(String, Vec<u8>),
    Copy(String, String),
    Delete(String),
    Get(String),
    /// A whole listing by pages of this size.
    List(String, u16),
}

/// Keys that collide: few segments, odd ones and long ones among them.
fn keys() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "a-", "a.", "", ".", "..", "%", "a%object", "é"])
            .prop_map(str::to_owned),
        1 => (prop::sample::select(vec![199_usize, 200, 201, 255, 400]), "[a!]?")
            .prop_map(|(length, end)| "x".repeat(length) + &end),
    ];
    let path = prop::collection::vec(segment, 1..4).prop_map(|segments| segments.join("/"));
    prop_oneof![9 => path, 1 => any::<String>()]
        .prop_filter("a key", |key| (1..=1_024).contains(&key.len()))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let body = || prop::collection::vec(any::<u8>(), 0..20);
    let step = prop_oneof![
        8 => (keys(), body()).prop_map(|(key, body)| Step::Put(key, body)),
        1 => (keys(), body()).prop_map(|(key, body)| Step::Stream(key, body)),
        2 => (keys(), keys()).prop_map(|(from, to)| Step::Copy(from, to)),
        6 => keys().prop_map(Step::Delete),
        2 => keys().prop_map(Step::Get),
        2 => (prop_oneof![Just(String::new()), keys()], 1..9_u16)
            .prop_map(|(prefix, size)| Step::List(prefix, size)),
    ];
    prop::collection::vec(step, 1..40)
}

type Model = BTreeMap<String, Vec<u8>>;

async fn run(buckets: &FolderBuckets, model: &mut Model, step: Step) {
    match step {
        Step::Put(key, body) => {
            buckets.put(BUCKET, &key, Bytes::from(body.clone())).await.unwrap();
            model.insert(key, body);
        }
        Step::Stream(key, body) => {
            let mut writer = buckets.create(BUCKET, &key).await.unwrap();
            writer.write(Bytes::from(body.clone())).await.unwrap();
            writer.finish().await.unwrap();
            model.insert(key, body);
        }
        Step::Copy(from, to) => {
            let copied = buckets.copy(BUCKET, &from, BUCKET, &to).await;
            let body = model.get(&from).filter(|_| from != to).cloned();
            assert_eq!(copied.is_ok(), body.is_some());
            model.extend(body.map(|body| (to, body)));
        }
        Step::Delete(key) => {
            buckets.delete(BUCKET, &key).await.unwrap();
            model.remove(&key);
        }
        Step::Get(key) => {
            let object = buckets.get(BUCKET, &key, None, 100).await;
            assert_eq!(object.ok().map(|object| object.body.to_vec()), model.get(&key).cloned());
        }
        Step::List(prefix, size) => assert_listed(buckets, model, &prefix, size).await,
    }
}

async fn assert_listed(buckets: &FolderBuckets, model: &Model, prefix: &str, max_keys: u16) {
    let mut expected = model.iter().filter(|(key, _)| key.starts_with(prefix));
    let mut request = ListRequest { max_keys, ..ListRequest::first(prefix) };
    loop {
        let page = buckets.list(BUCKET, &request).await.unwrap();
        for object in &page.objects {
            let (key, body) = expected.next().unwrap();
            assert_eq!((&object.key, object.size), (key, body.len() as u64));
            assert_eq!(buckets.head(BUCKET, key).await.unwrap(), *object);
        }
        if page.next_continuation_token.is_none() {
            return assert_eq!(expected.next(), None);
        }
        request.continuation_token = page.next_continuation_token;
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_folder_behaves_as_a_sorted_map(steps in steps()) {
        let root = TempDir::new().unwrap();
        let buckets = FolderBuckets::open(root.path().to_owned()).unwrap();
        let mut model = Model::new();
        runtime().block_on(async {
            buckets.put(BUCKET, "a", Bytes::new()).await.unwrap();
            model.insert("a".to_owned(), Vec::new());
            for step in steps {
                run(&buckets, &mut model, step).await;
            }
            assert_listed(&buckets, &model, "", 3).await;
            for (key, body) in &model {
                assert_eq!(buckets.get(BUCKET, key, None, 100).await.unwrap().body, *body);
                buckets.delete(BUCKET, key).await.unwrap();
            }
            assert_listed(&buckets, &Model::new(), "", 3).await;
        });
        // No file, no folder and no temporary file is left behind.
        for folder in [BUCKET, ".stepwell-tmp"] {
            prop_assert_eq!(std::fs::read_dir(root.path().join(folder)).unwrap().count(), 0);
        }
    }
}
