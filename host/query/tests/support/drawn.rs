//! Random expressions and documents for the tests of JSONata.

use serde_json::{Map, Value};

/// Expressions and documents from a seed (`SplitMix64`).
pub(crate) struct Drawn {
    state: u64,
    /// What names at the beginning of a path follow: nothing, or a path and a dot.
    root: &'static str,
    /// Names of variables that are bound where the next expression stands.
    bound: Vec<&'static str>,
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "`e f`"];
const VARIABLES: [&str; 4] = ["v", "w", "x", "y"];
const STRINGS: [&str; 12] =
    ["", "a", "b", "abc", "A b", "12", "-3.5", "é😀", "a,b,c", "true", "2018-02-05", "  x  y "];
const NUMBERS: [&str; 14] =
    ["0", "1", "2", "3", "-1", "0.5", "-2.5", "10", "1e3", "100", "3.14159", "1e21", "7", "1e-7"];

impl Drawn {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0xd134_2543_de82_ef95), root: "", bound: Vec::new() }
    }

    /// One whose names are members of what a path leads to.
    pub(crate) fn rooted(seed: u64, root: &'static str) -> Self {
        Self { root, ..Self::new(seed) }
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % bound as u64).expect("it is below the bound")
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn document(&mut self, depth: usize) -> Value {
        let mut members = Map::new();
        for name in ["a", "b", "c", "d", "e f"] {
            if self.below(4) > 0 {
                members.insert(name.to_owned(), self.value(depth));
            }
        }
        Value::Object(members)
    }

    fn value(&mut self, depth: usize) -> Value {
        let kinds = if depth == 0 { 8 } else { 16 };
        match self.below(kinds) {
            0 => Value::Null,
            1 => Value::Bool(self.below(2) == 0),
            2..=4 => serde_json::from_str(self.one_of(&NUMBERS)).expect("it is a number"),
            5..=7 => Value::from(self.one_of(&STRINGS)),
            8..=11 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => self.document(depth - 1),
        }
    }

    fn string(&mut self) -> String {
        format!("{:?}", self.one_of(&STRINGS))
    }

    /// Any expression.
    pub(crate) fn expression(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf();
        }
        match self.below(20) {
            0..=4 => self.path(depth - 1),
            5..=6 => self.number(depth - 1),
            7..=8 => self.text(depth - 1),
            9 => self.condition(depth - 1),
            10..=11 => self.array(depth - 1),
            12 => self.object(depth - 1),
            13 => {
                let condition = self.condition(depth - 1);
                format!(
                    "({condition} ? {} : {})",
                    self.expression(depth - 1),
                    self.expression(depth - 1)
                )
            }
            14..=15 => self.block(depth - 1),
            16..=17 => self.higher(depth - 1),
            18 => self.function(depth - 1),
            _ => self.leaf(),
        }
    }

    fn leaf(&mut self) -> String {
        if !self.bound.is_empty() && self.below(2) == 0 {
            let bound = self.bound.clone();
            return format!("${}", self.one_of(&bound));
        }
        match self.below(8) {
            0..=3 => self.name(),
            4 => self.one_of(&NUMBERS).to_owned(),
            5 => self.string(),
            6 if !self.root.is_empty() => {
                // There is no input around it.
                let whole = self.root.trim_end_matches('.');
                self.one_of(&["true", "false", "null", whole, "[]", "{}"]).to_owned()
            }
            6 => self.one_of(&["true", "false", "null", "$", "$$", "*", "[]", "{}"]).to_owned(),
            _ => format!("{}.{}", self.name(), self.one_of(&NAMES)),
        }
    }

    /// The name of a member.
    pub(crate) fn member(&mut self) -> &'static str {
        self.one_of(&NAMES)
    }

    /// A name at the beginning of a path: now and then without the root, for that is one of the members of what
    /// an expression is within.
    fn name(&mut self) -> String {
        let root = if self.root.is_empty() || self.below(4) == 0 { "" } else { self.root };
        format!("{root}{}", self.one_of(&NAMES))
    }

    fn path(&mut self, depth: usize) -> String {
        let mut text = self.leaf();
        if !text.starts_with(['$', '"', 'a', 'b', 'c', 'd', '`']) {
            text = format!("({text})");
        }
        for _ in 0..=self.below(3) {
            if self.below(8) == 0 {
                // It binds less than `&`: in brackets it is the path's alone.
                let order = self.one_of(&["", ">", "<"]);
                text = format!("({text}^({order}{}))", self.one_of(&NAMES));
            }
            let step = match self.below(14) {
                0..=3 => format!(".{}", self.one_of(&NAMES)),
                4 => ".*".to_owned(),
                5 => ".**".to_owned(),
                6 => format!("[{}]", self.one_of(&["0", "1", "-1", "[0,1]", "[0..1]", ""])),
                7 | 8 => format!("[{}]", self.condition(depth)),
                9 => format!(".({})", self.expression(depth.min(1))),
                10 => ".$".to_owned(),
                11 => format!(".{}", self.array(depth.min(1))),
                12 => {
                    // A group ends a path.
                    let group = format!(
                        "{{{}: {}}}",
                        self.text(depth.min(1)),
                        self.expression(depth.min(1))
                    );
                    return text + &group;
                }
                _ => format!(".{}", self.object(depth.min(1))),
            };
            text += &step;
        }
        text
    }

    fn number(&mut self, depth: usize) -> String {
        if depth == 0 {
            return if self.below(3) == 0 { self.leaf() } else { self.one_of(&NUMBERS).to_owned() };
        }
        match self.below(8) {
            0..=3 => {
                let operator = self.one_of(&["+", "-", "*", "/", "%"]);
                format!("({} {operator} {})", self.number(depth - 1), self.number(depth - 1))
            }
            4 => {
                let name = self.one_of(&["sum", "count", "max", "min", "average"]);
                format!("${name}({})", self.expression(depth - 1))
            }
            5 => {
                let name = self.one_of(&["abs", "floor", "ceil", "round", "sqrt", "number"]);
                format!("${name}({})", self.number(depth - 1))
            }
            6 => format!("$length({})", self.text(depth - 1)),
            _ => format!(
                "$power({}, {})",
                self.number(depth - 1),
                self.one_of(&["2", "0", "0.5", "-1"])
            ),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        if depth == 0 {
            return if self.below(3) == 0 { self.leaf() } else { self.string() };
        }
        let text = |draw: &mut Self| draw.text(depth - 1);
        match self.below(12) {
            0 | 1 => format!("({} & {})", text(self), self.expression(depth - 1)),
            2 => format!("$string({})", self.expression(depth - 1)),
            3 => {
                let name = self.one_of(&[
                    "uppercase",
                    "lowercase",
                    "trim",
                    "base64encode",
                    "encodeUrlComponent",
                ]);
                format!("${name}({})", text(self))
            }
            4 => format!(
                "$substring({}, {}, {})",
                text(self),
                self.one_of(&["0", "1", "-2"]),
                self.one_of(&["1", "2", "-1"])
            ),
            5 => format!("$pad({}, {})", text(self), self.one_of(&["5", "-5", "0"])),
            6 => {
                let name = self.one_of(&["substringBefore", "substringAfter"]);
                format!("${name}({}, {})", text(self), self.string())
            }
            7 => format!("$join({}, {})", self.expression(depth - 1), self.string()),
            8 => {
                let pattern =
                    self.one_of(&["/a/", "/[a-c]+/", "/\\d/", "/B/i", "/(a)(b)/", "\"a\""]);
                format!("$replace({}, {pattern}, {})", text(self), self.string())
            }
            9 => format!(
                "$formatNumber({}, {})",
                self.number(depth - 1),
                self.one_of(&["\"#,##0.00\"", "\"0\"", "\"00.0e0\"", "\"#0%\"", "\"0;(0)\"",])
            ),
            10 => format!(
                "$formatBase({}, {})",
                self.number(depth - 1),
                self.one_of(&["2", "16", "36"])
            ),
            _ => {
                let picture = self.one_of(&[
                    "",
                    ", \"[Y]-[M01]-[D01]\"",
                    ", \"[FNn], [D1o] [MNn] [Y]\"",
                    ", \"[H01]:[m01] [z]\", \"+0530\"",
                ]);
                let day = self.one_of(&["0", "17000", "-400", "11016.77"]);
                format!("$fromMillis({day} * 86400000{picture})")
            }
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf();
        }
        match self.below(8) {
            0..=2 => {
                let operator = self.one_of(&["=", "!=", "<", "<=", ">", ">="]);
                format!("({} {operator} {})", self.expression(depth - 1), self.leaf())
            }
            3 => {
                let operator = self.one_of(&["and", "or"]);
                format!("({} {operator} {})", self.condition(depth - 1), self.condition(depth - 1))
            }
            4 => format!("({} in {})", self.leaf(), self.expression(depth - 1)),
            5 => {
                let name = self.one_of(&["exists", "boolean", "not"]);
                format!("${name}({})", self.expression(depth - 1))
            }
            6 => format!(
                "$contains({}, {})",
                self.text(depth - 1),
                self.one_of(&["\"a\"", "/[0-9]/"])
            ),
            _ => self.expression(depth - 1),
        }
    }

    fn array(&mut self, depth: usize) -> String {
        match self.below(6) {
            0 => format!(
                "[{}..{}]",
                self.one_of(&["0", "1", "-2", "3"]),
                self.one_of(&["3", "1", "5"])
            ),
            1 => {
                let name = self.one_of(&["reverse", "distinct", "keys", "spread", "merge", "sort"]);
                format!("${name}({})", self.expression(depth.saturating_sub(1)))
            }
            2 => {
                let (one, other) = (self.expression(depth.min(1)), self.expression(depth.min(1)));
                format!("${}({one}, {other})", self.one_of(&["append", "zip"]))
            }
            3 => format!(
                "$split({}, {})",
                self.text(depth.min(1)),
                self.one_of(&["\",\"", "/[, ]/", "\"\""])
            ),
            _ => {
                let items =
                    (0..self.below(4)).map(|_| self.expression(depth.min(1))).collect::<Vec<_>>();
                format!("[{}]", items.join(", "))
            }
        }
    }

    fn object(&mut self, depth: usize) -> String {
        let mut members = Vec::new();
        for name in ["p", "q", "r"].iter().take(self.below(4)) {
            members.push(format!("\"{name}\": {}", self.expression(depth.min(2))));
        }
        format!("{{{}}}", members.join(", "))
    }

    fn block(&mut self, depth: usize) -> String {
        let name = self.one_of(&VARIABLES);
        let value = self.expression(depth);
        self.bound.push(name);
        let text = format!("(${name} := {value}; {})", self.expression(depth));
        self.bound.pop();
        text
    }

    /// A function with these parameters.
    fn lambda(
        &mut self,
        parameters: &[&'static str],
        depth: usize,
        body: fn(&mut Self, usize) -> String,
    ) -> String {
        let before = self.bound.len();
        self.bound.extend(parameters);
        let body = body(self, depth);
        self.bound.truncate(before);
        let parameters = parameters.iter().map(|name| format!("${name}")).collect::<Vec<_>>();
        format!("function({}){{{body}}}", parameters.join(", "))
    }

    fn higher(&mut self, depth: usize) -> String {
        let over = self.expression(depth);
        let depth = depth.min(2);
        match self.below(9) {
            0 => format!("$map({over}, {})", self.lambda(&["x"], depth, Self::expression)),
            1 => format!("$map({over}, {})", self.lambda(&["x", "y"], depth, Self::expression)),
            2 => format!("$filter({over}, {})", self.lambda(&["x"], depth, Self::condition)),
            3 => format!("$reduce({over}, {})", self.lambda(&["x", "y"], depth, Self::expression)),
            4 => format!("$sift({over}, {})", self.lambda(&["x", "y"], depth, Self::condition)),
            5 => format!("$each({over}, {})", self.lambda(&["x", "y"], depth, Self::expression)),
            6 => format!("$sort({over}, {})", self.lambda(&["x", "y"], depth, Self::condition)),
            7 => format!("({over} ~> {})", self.lambda(&["x"], depth, Self::expression)),
            _ => {
                let (place, change) = (self.path(1), self.object(depth));
                let removed = if self.below(2) == 0 { ", \"a\"" } else { "" };
                format!("({over} ~> |{place}|{change}{removed}|)")
            }
        }
    }

    fn function(&mut self, depth: usize) -> String {
        match self.below(7) {
            0 => format!("$type({})", self.expression(depth)),
            1 => {
                format!("$lookup({}, {})", self.expression(depth), self.one_of(&["\"a\"", "\"b\""]))
            }
            2 => format!(
                "$match({}, {})",
                self.text(depth),
                self.one_of(&["/a/", "/[a-c]+/", "/(\\d)/"])
            ),
            3 => format!("$toMillis({})", self.string()),
            4 => format!(
                "$single({}, {})",
                self.expression(depth),
                self.lambda(&["x"], depth.min(1), Self::condition)
            ),
            5 => format!(
                "{}@$v.{}",
                self.one_of(&["a", "b", "a.b"]),
                self.one_of(&["$v", "$v.c", "(a & $v)", "{\"k\": $v}"])
            ),
            _ => format!(
                "{}#$v.{}",
                self.one_of(&["a", "b", "a.b"]),
                self.one_of(&["$v", "[$v, $]", "{\"i\": $v}"])
            ),
        }
    }
}
