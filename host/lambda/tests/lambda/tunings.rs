//! What `tune` shows.

use proptest::prelude::*;
use stepwell_lambda::{FunctionLimits, LADDER, MEMORY_MB, Question, Tuning, Usage, chart, tune};

use super::{limits, page, prices};

fn tuned(function: &str, samples: &[Usage], limits: FunctionLimits, sizes: &[u32]) -> Tuning {
    let prices = prices();
    tune(&Question { function, samples, limits, prices: &prices, sizes }).unwrap()
}

fn fetch() -> Tuning {
    let samples: Vec<Usage> = (1..=60).map(page).collect();
    tuned("fetch", &samples, limits(1_024, 3), &LADDER)
}

/// The picture's elements; it is well-formed if there are any.
fn check(svg: &str) -> (usize, Vec<String>) {
    let document = roxmltree::Document::parse(svg).unwrap();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        for name in ["x", "y", "cx", "cy", "width", "height"] {
            let Some(text) = node.attribute(name) else { continue };
            let value: f64 = text.parse().unwrap();
            let most = if name.ends_with('y') || name == "height" { 460.0 } else { 760.0 };
            assert!((0.0..=most).contains(&value), "{name}={text} in {node:?}");
        }
        assert!(!["script", "image", "a", "foreignObject"].contains(&node.tag_name().name()));
    }
    let points = document
        .descendants()
        .filter(|node| node.attribute("class").is_some_and(|class| class.contains("point")))
        .count();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    (points, texts.filter_map(|node| node.text().map(str::to_owned)).collect())
}

#[test]
fn the_table_of_a_function() {
    let tuning = fetch();
    insta::assert_snapshot!("fetch_160", tuning.to_text(160));
    insta::assert_snapshot!("fetch_80", tuning.to_text(80));
}

#[test]
fn the_json_of_a_function() {
    let samples: Vec<Usage> = (1..=60).map(page).collect();
    let tuning = tuned("fetch", &samples, limits(128, 3), &[128, 1_769]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&tuning.to_json()).unwrap());
}

#[test]
fn the_chart_of_a_function() {
    let svg = chart(&fetch());
    insta::assert_snapshot!(svg);
    let (points, texts) = check(&svg);
    // Two for each size, and two in the legend.
    assert_eq!(points, 2 * LADDER.len() + 2);
    for text in ["now: 1,024 MB", "suggested: 256 MB", "does not fit", "1 vCPU"] {
        assert!(texts.iter().any(|other| other == text), "{text}: {texts:?}");
    }
}

#[test]
fn a_function_that_fits_nowhere_has_a_chart_and_no_suggestion() {
    let large = Usage { response_bytes: 7_000_000, ..page(1) };
    let tuning = tuned("large", &[large], limits(128, 3), &[128, 512]);
    assert_eq!(tuning.suggestion, None);
    insta::assert_snapshot!(tuning.to_text(100));
    let (_, texts) = check(&chart(&tuning));
    assert!(!texts.iter().any(|text| text.contains("suggested")), "{texts:?}");
}

#[test]
fn names_are_nothing_but_names() {
    let name = "</title><script>alert(\"1\")</script> & \u{1b}[31m\u{0}\n\u{ffff} ".repeat(5);
    let tuning = tuned(&name, &[page(1)], limits(128, 3), &[]);
    let (_, texts) = check(&chart(&tuning));
    assert!(texts[0].contains("<script>alert(\"1\")</script> &"), "{}", texts[0]);
    let text = tuning.to_text(100);
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
}

proptest! {
    #[test]
    fn any_numbers_make_a_sound_chart_and_a_table(
        samples in prop::collection::vec((any::<u64>(), 0..u64::MAX / 1_000_000, any::<u64>()), 1..4),
        current in MEMORY_MB,
        sizes in prop::collection::vec(MEMORY_MB, 0..6),
        width in 0..200_usize,
    ) {
        let samples: Vec<Usage> = samples
            .into_iter()
            .map(|(fuel, waited_ms, memory_peak_bytes)| Usage {
                fuel,
                waited: std::time::Duration::from_millis(waited_ms),
                memory_peak_bytes,
                ..Usage::default()
            })
            .collect();
        let tuning = tuned("any", &samples, limits(current, 3), &sizes);
        let (points, _) = check(&chart(&tuning));
        prop_assert_eq!(points, 2 * tuning.sizes.len() + 2);
        prop_assert!(tuning.to_text(width).contains("verdict"));
        prop_assert!(tuning.to_json()["sizes"].is_array());
    }
}
