//! A picture of what tuning found: cost and duration against memory, as SVG.
//!
//! One file without scripts or fonts of its own, with colours for light and dark backgrounds. The lines
//! differ by dashes and the points by shape as well as by colour.

use std::fmt::Write;
use std::time::Duration;

use crate::limits::VCPU_MEMORY_MB;
use crate::text::{grouped, milliseconds, ms};
use crate::tune::{Size, Tuning, Verdict};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;

/// The area of the lines.
const LEFT: f64 = 78.0;
const RIGHT: f64 = WIDTH - 78.0;
const TOP: f64 = 116.0;
const BOTTOM: f64 = HEIGHT - 62.0;

/// How far the first and the last size are from the sides.
const INSET: f64 = 22.0;

/// How far labels of the axis below are apart at least.
const LABEL_WIDTH: f64 = 44.0;

/// An axis has about so many steps.
const STEPS: f64 = 5.0;

/// Beyond so many milliseconds an axis counts seconds.
const MS_MAX: f64 = 10_000.0;

/// The longest name that a title holds.
const NAME_CHARACTERS_MAX: usize = 60;

const STYLE: &str = "\
text { font-family: sans-serif; font-size: 12px; fill: #24292f; }
path { fill: none; }
.ground { fill: #ffffff; }
.title { font-size: 16px; font-weight: bold; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.axis { stroke: #57606a; stroke-width: 1; }
.unfit { fill: #8c959f; fill-opacity: 0.22; }
.vcpu { stroke: #57606a; stroke-dasharray: 2 4; }
.quiet { fill: #57606a; }
.mark { stroke-width: 1.5; }
.mark.now { stroke: #57606a; stroke-dasharray: 6 3; }
.mark.suggested { stroke: #1a7f37; }
text.suggested { fill: #1a7f37; font-weight: bold; }
.line { stroke-width: 2; }
.cost { stroke: #0550ae; fill: #0550ae; }
.duration { stroke: #bc4c00; fill: #bc4c00; }
.line.cost, .line.duration { fill: none; }
.line.duration { stroke-dasharray: 7 4; }
text.cost, text.duration { stroke: none; }
.hollow { fill: #ffffff; }
.point { stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.ground, .hollow { fill: #0d1117; }
.grid { stroke: #30363d; }
.axis, .vcpu, .mark.now { stroke: #9ea7b3; }
.quiet { fill: #9ea7b3; }
.mark.suggested { stroke: #3fb950; }
text.suggested { fill: #3fb950; }
.cost { stroke: #79c0ff; fill: #79c0ff; }
.duration { stroke: #ffa657; fill: #ffa657; }
.point.hollow { fill: #0d1117; }
}
";

macro_rules! put {
    ($chart:expr, $($format:tt)*) => {
        _ = writeln!($chart.text, $($format)*)
    };
}

/// What tuning found as SVG: the cost of a million warm invocations on the left, their median duration on
/// the right, over the memory (each doubling is as wide).
///
/// Sizes that do not fit are hollow, on grey. Upright lines stand at the present and the suggested size,
/// and where one whole CPU is reached.
pub fn chart(tuning: &Tuning) -> String {
    let mut chart = Chart::of(tuning);
    chart.head();
    chart.unfit();
    chart.axes();
    chart.marks();
    chart.line("cost", Chart::cost_y);
    chart.line("duration", Chart::duration_y);
    chart.points();
    chart.legend();
    chart.text + "</svg>\n"
}

struct Chart<'t> {
    tuning: &'t Tuning,
    cost: Axis,
    duration: Axis,
    /// Milliseconds in a unit of the axis of durations, and its name.
    unit: (f64, &'static str),
    text: String,
}

/// An axis from zero, with round steps.
#[derive(Debug, Clone, Copy)]
struct Axis {
    step: f64,
    end: f64,
    /// Digits after the point of its labels.
    digits: usize,
}

impl Axis {
    fn up_to(largest: f64) -> Self {
        let rough = if largest > 0.0 { largest / STEPS } else { 1.0 };
        let power = rough.log10().floor();
        let unit = 10_f64.powf(power);
        let step =
            [1.0, 2.0, 5.0].map(|factor| factor * unit).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * unit);
        let digits = (0..12).find(|digits| step >= 10_f64.powi(-digits) * 0.999).unwrap_or(12);
        let end = (largest / step).ceil().max(1.0) * step;
        Self { step, end, digits: usize::try_from(digits).unwrap_or_default() }
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * value / self.end
    }

    /// Each step with its label.
    fn steps(&self) -> impl Iterator<Item = (f64, String)> {
        let values = (0..).map(|step| f64::from(step) * self.step);
        let end = self.end + self.step / 2.0;
        let digits = self.digits;
        values.take_while(move |value| *value < end).map(move |value| (value, label(value, digits)))
    }
}

impl<'t> Chart<'t> {
    fn of(tuning: &'t Tuning) -> Self {
        let largest =
            |value: &dyn Fn(&Size) -> f64| tuning.sizes.iter().map(value).fold(0.0, f64::max);
        let longest = largest(&|size| ms(size.warm.p50));
        let unit = if longest > MS_MAX { (1_000.0, "s") } else { (1.0, "ms") };
        Self {
            tuning,
            cost: Axis::up_to(largest(&dollars)),
            duration: Axis::up_to(longest / unit.0),
            unit,
            text: String::new(),
        }
    }

    fn head(&mut self) {
        put!(
            self,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">"
        );
        let name = cut(&self.tuning.function);
        let title = escaped(&format!("{name}: cost and duration by memory"));
        put!(self, "<title>{title}</title>");
        put!(self, "<desc>{}</desc>", escaped(&self.tuning.prices.note()));
        put!(self, "<style>\n{STYLE}</style>");
        put!(self, "<rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>");
        let middle = number(WIDTH / 2.0);
        put!(self, "<text class=\"title middle\" x=\"{middle}\" y=\"28\">{title}</text>");
    }

    /// Grey behind what does not fit, halfway to its neighbours.
    fn unfit(&mut self) {
        let sizes = &self.tuning.sizes;
        let xs: Vec<f64> = sizes.iter().map(|size| self.x(size.memory_mb)).collect();
        for (at, size) in sizes.iter().enumerate().filter(|(_, size)| !size.fits()) {
            let halfway = |other: Option<&f64>, side: f64| {
                other.map_or(side, |other| f64::midpoint(*other, xs[at]))
            };
            let from = halfway(at.checked_sub(1).and_then(|before| xs.get(before)), LEFT);
            let to = halfway(xs.get(at + 1), RIGHT);
            put!(
                self,
                "<rect class=\"unfit\" x=\"{}\" y=\"{TOP}\" width=\"{}\" height=\"{}\">\
                 <title>{}</title></rect>",
                number(from),
                number(to - from),
                number(BOTTOM - TOP),
                escaped(&told(size))
            );
        }
    }

    fn axes(&mut self) {
        let (cost, duration) = (self.cost, self.duration);
        for (value, label) in cost.steps() {
            let y = cost.y(value);
            put!(self, "<path class=\"grid\" d=\"M{LEFT} {}H{RIGHT}\"/>", number(y));
            self.label("end", LEFT - 8.0, y + 4.0, &format!("${label}"));
        }
        for (value, label) in duration.steps() {
            let y = duration.y(value);
            put!(self, "<path class=\"axis\" d=\"M{RIGHT} {}h5\"/>", number(y));
            self.label("", RIGHT + 9.0, y + 4.0, &format!("{label} {}", self.unit.1));
        }
        for memory_mb in self.labelled() {
            let x = self.x(memory_mb);
            put!(self, "<path class=\"axis\" d=\"M{} {BOTTOM}v5\"/>", number(x));
            self.label("middle", x, BOTTOM + 20.0, &grouped(memory_mb));
        }
        put!(self, "<path class=\"axis\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}V{TOP}\"/>");
        self.label("middle", f64::midpoint(LEFT, RIGHT), BOTTOM + 44.0, "memorySize in MB");
    }

    /// The sizes that the axis names: the ends, and powers of two that have room.
    fn labelled(&self) -> Vec<u32> {
        let sizes = || self.tuning.sizes.iter().map(|size| size.memory_mb);
        let ends = sizes().next().into_iter().chain(sizes().next_back());
        let powers = sizes().filter(|size| size.is_power_of_two());
        let mut labelled: Vec<u32> = Vec::new();
        for size in ends.chain(powers).chain(sizes()) {
            let free = |other: &u32| (self.x(*other) - self.x(size)).abs() >= LABEL_WIDTH;
            if labelled.iter().all(free) {
                labelled.push(size);
            }
        }
        labelled.sort_unstable();
        labelled
    }

    fn marks(&mut self) {
        let last = self.tuning.sizes.last().map_or(0, |size| size.memory_mb);
        let first = self.tuning.sizes.first().map_or(0, |size| size.memory_mb);
        if (first..=last).contains(&VCPU_MEMORY_MB) {
            let x = self.x(VCPU_MEMORY_MB);
            put!(self, "<path class=\"vcpu\" d=\"M{} {BOTTOM}V{TOP}\"/>", number(x));
            self.label("end quiet", x - 5.0, BOTTOM - 8.0, "1 vCPU");
        }
        let now = self.tuning.limits.memory_mb;
        self.mark("now", now, TOP - 24.0);
        if let Some(suggestion) = &self.tuning.suggestion {
            self.mark("suggested", suggestion.memory_mb, TOP - 8.0);
        }
    }

    /// An upright line with its text above, kept within the picture.
    fn mark(&mut self, what: &str, memory_mb: u32, y: f64) {
        let x = self.x(memory_mb);
        // A dashed line over a whole one shows both, where both are at one size.
        put!(
            self,
            "<path class=\"mark {what}\" d=\"M{} {}V{BOTTOM}\"/>",
            number(x),
            number(y + 4.0)
        );
        let text = format!("{what}: {} MB", grouped(memory_mb));
        self.label(&format!("middle {what}"), x.clamp(LEFT + 10.0, RIGHT - 10.0), y, &text);
    }

    fn line(&mut self, class: &str, y: impl Fn(&Self, &Size) -> f64) {
        let points =
            self.tuning.sizes.iter().map(|size| {
                format!("{} {}", number(self.x(size.memory_mb)), number(y(self, size)))
            });
        let points = points.collect::<Vec<_>>().join("L");
        put!(self, "<path class=\"line {class}\" d=\"M{points}\"/>");
    }

    fn points(&mut self) {
        for size in &self.tuning.sizes {
            let hollow = if size.fits() { "" } else { " hollow" };
            let (x, cost, duration) =
                (self.x(size.memory_mb), self.cost_y(size), self.duration_y(size));
            put!(self, "<g><title>{}</title>", escaped(&told(size)));
            self.square(&format!("point duration{hollow}"), x, duration);
            self.circle(&format!("point cost{hollow}"), x, cost);
            put!(self, "</g>");
        }
    }

    fn legend(&mut self) {
        let y = 52.0;
        self.swatch("cost", LEFT, y);
        self.circle("point cost", LEFT + 16.0, y);
        self.label("", LEFT + 40.0, y + 4.0, "cost of a million warm invocations (left)");
        let right = LEFT + 300.0;
        self.swatch("duration", right, y);
        self.square("point duration", right + 16.0, y);
        self.label("", right + 40.0, y + 4.0, "median duration (right)");
        if self.tuning.sizes.iter().any(|size| !size.fits()) {
            let far = right + 200.0;
            put!(
                self,
                "<rect class=\"unfit\" x=\"{}\" y=\"{}\" width=\"20\" height=\"14\"/>",
                number(far),
                number(y - 7.0)
            );
            self.label("", far + 26.0, y + 4.0, "does not fit");
        }
    }

    fn swatch(&mut self, class: &str, x: f64, y: f64) {
        put!(self, "<path class=\"line {class}\" d=\"M{} {}h32\"/>", number(x), number(y));
    }

    fn circle(&mut self, class: &str, x: f64, y: f64) {
        put!(self, "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"4\"/>", number(x), number(y));
    }

    fn square(&mut self, class: &str, x: f64, y: f64) {
        put!(
            self,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"7\" height=\"7\"/>",
            number(x - 3.5),
            number(y - 3.5)
        );
    }

    fn label(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let text = escaped(text);
        put!(self, "<text{class} x=\"{}\" y=\"{}\">{text}</text>", number(x), number(y));
    }

    /// Each doubling is as wide.
    fn x(&self, memory_mb: u32) -> f64 {
        let log = |size: u32| f64::from(size).log2();
        let sizes = &self.tuning.sizes;
        let (Some(first), Some(last)) = (sizes.first(), sizes.last()) else { return LEFT };
        let (from, to) = (log(first.memory_mb), log(last.memory_mb));
        if from >= to {
            return f64::midpoint(LEFT, RIGHT);
        }
        let (left, right) = (LEFT + INSET, RIGHT - INSET);
        left + (right - left) * (log(memory_mb) - from) / (to - from)
    }

    fn cost_y(&self, size: &Size) -> f64 {
        self.cost.y(dollars(size))
    }

    fn duration_y(&self, size: &Size) -> f64 {
        self.duration.y(ms(size.warm.p50) / self.unit.0)
    }
}

fn dollars(size: &Size) -> f64 {
    size.cost.total().dollars()
}

/// What a pointer is told at a point.
fn told(size: &Size) -> String {
    let told = |duration: Duration| milliseconds(duration);
    let verdict = match &size.verdict {
        Verdict::Fits => "fits".to_owned(),
        Verdict::Breaks { breach, .. } => breach.to_string(),
    };
    format!(
        "{} MB: {} a million, p50 {} ms, p95 {} ms; {verdict}",
        grouped(size.memory_mb),
        size.cost.total().short(),
        told(size.warm.p50),
        told(size.warm.p95)
    )
}

/// A round number of an axis.
fn label(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse::<u64>().map_or_else(|_| whole.to_owned(), grouped);
    if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") }
}

fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_CHARACTERS_MAX {
        return name.to_owned();
    }
    name.chars().take(NAME_CHARACTERS_MAX).chain(['…']).collect()
}

/// With one digit after the point, and none where it is zero.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A text for XML: what XML cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_steps_and_holds_the_largest_value() {
        let labels = |largest: f64| {
            let axis = Axis::up_to(largest);
            assert!(axis.end >= largest && axis.y(largest) >= TOP - 1e-6);
            axis.steps().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(0.0), "0 1");
        assert_eq!(labels(1.0), "0.0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(labels(0.83), "0.0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(labels(13_820.0), "0 5,000 10,000 15,000");
        assert_eq!(labels(0.000_31), "0.0000 0.0001 0.0002 0.0003 0.0004");
    }
}
