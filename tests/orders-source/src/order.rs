//! The orders, made from nothing but their numbers.

use std::fmt::Write as _;

const CUSTOMERS: [&str; 8] =
    ["Ada", "Björn", "Chloé", "Dmitri", "Emre", "Fatima", "Grace", "Hiroshi"];

/// The order with this `id`, as the source sends it and as an import should keep it, byte for byte. The
/// first row's `id` is 1.
pub fn order(id: u64) -> String {
    let mut text = String::new();
    write_order(&mut text, id);
    text
}

/// The page of at most `limit` orders from row `offset` (from 0) on.
pub(crate) fn page(rows: u64, offset: u64, limit: u64) -> String {
    let end = rows.min(offset.saturating_add(limit));
    let mut text = String::from("[");
    for row in offset..end {
        if row > offset {
            text.push(',');
        }
        write_order(&mut text, row + 1);
    }
    text.push(']');
    text
}

fn write_order(text: &mut String, id: u64) {
    // Spread over the whole range, so that neighbours look different.
    let mixed = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let customer = CUSTOMERS[usize::from(mixed.to_le_bytes()[0]) % CUSTOMERS.len()];
    let cents = 100 + mixed % 99_900;
    let quantity = 1 + mixed % 7;
    // `vatRate` is a number whose last digit a careless importer would lose.
    let _infallible = write!(
        text,
        r#"{{"id":{id},"customer":"{customer}","amount":"{}.{:02}","currency":"EUR","quantity":{quantity},"vatRate":0.190}}"#,
        cents / 100,
        cents % 100,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_depends_on_its_id_only() {
        assert_eq!(order(17), order(17));
        assert_ne!(order(17), order(18));
        assert!(order(17).starts_with(r#"{"id":17,"customer":""#), "{}", order(17));
    }

    #[test]
    fn pages_join_up_and_end() {
        assert_eq!(page(3, 0, 2), format!("[{},{}]", order(1), order(2)));
        assert_eq!(page(3, 2, 2), format!("[{}]", order(3)));
        assert_eq!(page(3, 3, 2), "[]");
        assert_eq!(page(3, u64::MAX, u64::MAX), "[]");
        assert_eq!(page(3, 0, 0), "[]");
    }
}
