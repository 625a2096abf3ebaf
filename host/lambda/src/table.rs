//! Tables for a terminal: columns as wide as what is in them, numbers on the right, no colour.

/// What stands between two columns.
const GAP: &str = "  ";

/// The least that is left of a text that is cut.
const TEXT_CHARACTERS_MIN: usize = 8;

/// A column. Cells are added by [`Table::row`].
#[derive(Debug, Clone)]
pub(crate) struct Column {
    head: &'static str,
    text: bool,
    /// Where the table is too wide, columns go in falling order of this; those with 0 stay.
    spare: u8,
}

impl Column {
    /// Numbers, on the right.
    pub(crate) fn number(head: &'static str, spare: u8) -> Self {
        Self { head, text: false, spare }
    }

    /// Texts, on the left; cut where the table is too wide.
    pub(crate) fn text(head: &'static str) -> Self {
        Self { head, text: true, spare: 0 }
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// A row: one cell for each column.
    pub(crate) fn row(&mut self, cells: &[String]) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    /// Lines of at most `width` characters, as far as leaving out and cutting allow.
    pub(crate) fn render(mut self, width: usize) -> String {
        let mut widths = self.widths();
        while total(&widths) > width {
            let spare = (0..self.columns.len()).max_by_key(|at| self.columns[*at].spare);
            let Some(at) = spare.filter(|at| self.columns[*at].spare > 0) else { break };
            self.columns.remove(at);
            widths.remove(at);
            for row in &mut self.rows {
                row.remove(at);
            }
        }
        self.cut(&mut widths, width);
        let heads: Vec<String> = self.columns.iter().map(|column| column.head.to_owned()).collect();
        let lines = [&heads].into_iter().chain(&self.rows).map(|cells| self.line(cells, &widths));
        lines.collect()
    }

    fn widths(&self) -> Vec<usize> {
        let width = |at: usize| {
            let cells = self.rows.iter().map(|row| characters(&row[at]));
            cells.max().unwrap_or(0).max(characters(self.columns[at].head))
        };
        (0..self.columns.len()).map(width).collect()
    }

    /// Makes texts shorter, the longest first.
    fn cut(&self, widths: &mut [usize], width: usize) {
        while total(widths) > width {
            let texts = (0..widths.len()).filter(|at| self.columns[*at].text);
            let Some(longest) = texts.max_by_key(|at| widths[*at]) else { return };
            let excess = total(widths) - width;
            let least = TEXT_CHARACTERS_MIN.max(characters(self.columns[longest].head));
            let shorter = widths[longest].saturating_sub(excess).max(least);
            if shorter >= widths[longest] {
                return;
            }
            widths[longest] = shorter;
        }
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let padded = cells.iter().zip(widths).zip(&self.columns).map(|((cell, width), column)| {
            let cell = shortened(cell, *width);
            if column.text { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let line = padded.collect::<Vec<_>>().join(GAP);
        format!("{}\n", line.trim_end())
    }
}

/// A text without control characters, which could do anything to a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect()
}

/// A text in lines of at most `width` characters, each after the first begun by `indent`.
pub(crate) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines = String::new();
    let mut used = 0;
    // A number and its sign stay together.
    let glued = text.replace(" %", "\u{a0}%");
    for (index, word) in glued.split(' ').enumerate() {
        let length = characters(word);
        if index > 0 && used + 1 + length > width && !lines.trim().is_empty() {
            lines += "\n";
            lines += indent;
            used = characters(indent);
        } else if index > 0 {
            lines.push(' ');
            used += 1;
        }
        lines += word;
        used += length;
    }
    lines.replace('\u{a0}', " ") + "\n"
}

fn shortened(text: &str, width: usize) -> String {
    if characters(text) <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = vec![
            Column::text("name"),
            Column::number("count", 0),
            Column::number("rest", 2),
            Column::number("more", 1),
        ];
        let mut table = Table::new(columns);
        let cells = |texts: [&str; 4]| texts.map(str::to_owned).to_vec();
        table.row(&cells(["fetch", "1", "100,000", "3"]));
        table.row(&cells(["a name\nof some length", "22", "5", "6"]));
        table
    }

    #[test]
    fn numbers_stand_on_the_right() {
        let expected = "\
name                   count     rest  more
fetch                      1  100,000     3
a name\u{fffd}of some length     22        5     6
";
        assert_eq!(table().render(80), expected);
    }

    #[test]
    fn what_can_be_spared_goes_first_and_then_texts_are_cut() {
        let narrow = table().render(35);
        assert_eq!(narrow.lines().next().unwrap(), "name                   count  more");
        let narrower = table().render(20);
        assert_eq!(
            narrower,
            "name           count\nfetch              1\na name\u{fffd}of so…     22\n"
        );
        // No narrower than can be read.
        assert_eq!(table().render(0).lines().last().unwrap(), "a name\u{fffd}…     22");
    }

    #[test]
    fn a_text_is_wrapped_between_words() {
        assert_eq!(wrapped("one two three four", 9, "  "), "one two\n  three\n  four\n");
        assert_eq!(wrapped("unbreakable", 3, ""), "unbreakable\n");
        assert_eq!(wrapped("all of 5 %", 9, ""), "all of\n5 %\n");
        assert_eq!(wrapped("  - an item", 8, "    "), "  - an\n    item\n");
    }
}
