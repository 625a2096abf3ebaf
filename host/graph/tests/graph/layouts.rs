//! What is seen of an SVG: it can be parsed, nothing overlaps, and nothing is left out.

use std::fmt::Write;

use stepwell_graph::{Graph, Layout, Path, Rectangle, svg};

use crate::mermaids::ROUNDS;
use crate::{CAUGHT, LOOP, NESTED, WEIRD, graph, path};

/// Everything that must hold of any picture.
pub(crate) fn check(graph: &Graph, path: Option<&Path>) {
    let layout = Layout::of(graph, path);
    let within = |inner: &Rectangle, outer: &Rectangle| {
        let slack = 0.01;
        inner.x >= outer.x - slack
            && inner.y >= outer.y - slack
            && inner.x + inner.width <= outer.x + outer.width + slack
            && inner.y + inner.height <= outer.y + outer.height + slack
    };
    let apart = |a: &Rectangle, b: &Rectangle| {
        a.x + a.width <= b.x + 0.01
            || b.x + b.width <= a.x + 0.01
            || a.y + a.height <= b.y + 0.01
            || b.y + b.height <= a.y + 0.01
    };
    let all = Rectangle { x: 0.0, y: 0.0, width: layout.width, height: layout.height };
    for (area, place) in graph.areas.iter().zip(&layout.areas) {
        assert!(within(place, &all), "{place:?} is not in the picture");
        let nodes: Vec<(&str, Rectangle)> = graph
            .nodes
            .iter()
            .zip(&layout.nodes)
            .filter(|(node, _)| std::ptr::eq(graph.area(node.area), area))
            .map(|(node, place)| (node.name.as_str(), *place))
            .collect();
        let labels = graph.edges.iter().zip(&layout.labels);
        let labels: Vec<(&str, Rectangle)> = labels
            .filter(|(edge, _)| std::ptr::eq(graph.area(graph.node(edge.from).area), area))
            .filter_map(|(_, label)| label.map(|label| ("a label", label)))
            .collect();
        let things: Vec<_> = nodes.into_iter().chain(labels).collect();
        for (index, (name, thing)) in things.iter().enumerate() {
            assert!(within(thing, place), "`{name}` is not in its box: {thing:?} {place:?}");
            for (other, beside) in &things[..index] {
                assert!(apart(thing, beside), "`{name}` is on `{other}`: {thing:?} {beside:?}");
            }
        }
    }
    for (node, place) in graph.nodes.iter().zip(&layout.nodes) {
        for area in &node.areas {
            let index = graph.areas.iter().position(|a| std::ptr::eq(a, graph.area(*area)));
            let inner = &layout.areas[index.unwrap()];
            assert!(within(inner, place), "a machine of `{}` is not in it", node.name);
        }
    }
    for (x, y) in layout.routes.iter().flatten() {
        let point = Rectangle { x: *x, y: *y, ..Rectangle::default() };
        assert!(within(&point, &all), "a line leaves the picture: {point:?}");
    }
    assert!(layout.routes.iter().all(|route| route.len() >= 2));
    let text = svg(graph, path);
    let document = roxmltree::Document::parse(&text).unwrap();
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        let name = element.tag_name().name();
        let known =
            ["svg", "title", "desc", "style", "rect", "g", "path", "circle", "polygon", "text"];
        assert!(known.contains(&name), "an element `{name}`");
        let plain = |name: &str| !name.starts_with("on") && !name.contains("href");
        assert!(element.attributes().all(|attribute| plain(attribute.name())));
    }
    let groups = document.descendants().filter(|element| element.has_tag_name("g")).count();
    assert_eq!(groups, graph.nodes.len() + graph.edges.len());
}

#[test]
fn pictures_are_sound() {
    for source in [LOOP, CAUGHT, NESTED, WEIRD] {
        check(&graph(source), None);
    }
    let graph = graph(LOOP);
    check(&graph, Some(&path(&graph, ROUNDS)));
}

#[test]
fn names_are_in_the_picture_as_they_are() {
    let graph = graph(WEIRD);
    let text = svg(&graph, None);
    let document = roxmltree::Document::parse(&text).unwrap();
    let titles: Vec<&str> = document
        .descendants()
        .filter(|element| element.has_tag_name("title"))
        .filter_map(|title| title.text())
        .collect();
    for node in graph.nodes.iter().filter(|node| node.state_type().is_some()) {
        assert!(titles.iter().any(|title| title.starts_with(&node.name)), "{}", node.name);
    }
}

#[test]
fn a_long_name_is_cut_and_told_in_full_to_who_points_at_it() {
    let name = "名".repeat(80);
    let text =
        svg(&graph(&format!("{{StartAt: {name}, States: {{{name}: {{Type: Succeed}}}}}}")), None);
    assert!(text.contains(&format!("<title>{name} (Succeed)</title>")));
    let document = roxmltree::Document::parse(&text).unwrap();
    let lines = document.descendants().filter(|element| element.has_tag_name("text"));
    let cut = lines.filter_map(|line| line.text()).any(|line| line.ends_with('…'));
    assert!(cut && !text.contains(&format!(">{name}</text>")));
}

#[test]
fn the_taken_and_the_failed_are_marked() {
    let graph = graph(LOOP);
    let text = svg(&graph, Some(&path(&graph, ROUNDS)));
    assert!(text.contains("<title>machine: an execution, failed</title>"));
    assert!(text.contains("<g class=\"node fail failed\">"));
    assert!(text.contains("<g class=\"node task taken\">"));
    assert!(text.contains("<g class=\"node succeed untaken\">"));
    assert!(text.contains(">2×, 1 retry</text>"));
    assert!(text.contains("<g class=\"edge taken\">"));
}

/// A thousand states, each with a catcher, a choice here and there that leads far back.
#[test]
fn a_huge_machine_is_drawn() {
    let mut source = String::from("StartAt: S0\nStates:\n");
    for number in 0..1_000 {
        let (next, far) = ((number + 1) % 1_000, number * 7 % 1_000);
        _ = if number == 999 {
            writeln!(source, "  S999: {{ Type: Succeed }}")
        } else if number % 3 == 0 {
            writeln!(
                source,
                "  S{number}: {{ Type: Choice, Default: S{next}, \
                 Choices: [{{ Variable: $.x, NumericEquals: {number}, Next: S{far} }}] }}"
            )
        } else {
            writeln!(
                source,
                "  S{number}: {{ Type: Task, Resource: work, Next: S{next}, \
                 Catch: [{{ ErrorEquals: [States.ALL], Next: S999 }}] }}"
            )
        };
    }
    check(&graph(&source), None);
}
