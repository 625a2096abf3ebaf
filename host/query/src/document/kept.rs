//! Documents that are kept elsewhere: whoever stores many values that share documents writes each large
//! one once, and a number wherever it occurs.
//!
//! Serde hands no context to what it serialises, so a [`Keeper`] is put in scope for the current thread.
//! Knows nothing of where documents are kept, or which.

use std::cell::RefCell;
use std::rc::Rc;

use super::Document;

/// Keeps documents under numbers.
pub trait Keeper {
    /// The number under which a document is kept from now on; `None`: it is to be written where it
    /// stands.
    fn keep(&self, document: &Document) -> Option<u64>;

    /// The document that was kept under a number.
    fn find(&self, number: u64) -> Option<Document>;
}

thread_local! {
    static KEEPER: RefCell<Option<Rc<dyn Keeper>>> = const { RefCell::new(None) };
}

/// Runs `work` with a keeper in scope: documents that are serialised on this thread meanwhile are offered
/// to it, and numbers that are deserialised as documents are looked up in it.
///
/// A scope within a scope hides the outer one. However `work` ends, the scope ends with it.
pub fn with_keeper<T>(keeper: Rc<dyn Keeper>, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<Rc<dyn Keeper>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            KEEPER.set(self.0.take());
        }
    }
    let _restore = Restore(KEEPER.replace(Some(keeper)));
    work()
}

/// The number of a document, if a keeper in scope keeps it.
pub(super) fn keep(document: &Document) -> Option<u64> {
    current()?.keep(document)
}

/// The document of a number, if a keeper in scope has it.
pub(super) fn find(number: u64) -> Option<Document> {
    current()?.find(number)
}

/// The keeper in scope. Not borrowed while it works, since it may serialise as well.
fn current() -> Option<Rc<dyn Keeper>> {
    KEEPER.with_borrow(Clone::clone)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Keeps what is longer than four bytes.
    #[derive(Default)]
    struct List(RefCell<Vec<Document>>);

    impl Keeper for List {
        fn keep(&self, document: &Document) -> Option<u64> {
            let mut kept = self.0.borrow_mut();
            (document.size_bytes() > 4).then(|| {
                kept.push(document.clone());
                kept.len() as u64 - 1
            })
        }

        fn find(&self, number: u64) -> Option<Document> {
            self.0.borrow().get(usize::try_from(number).ok()?).cloned()
        }
    }

    fn documents() -> Vec<Document> {
        ["[1]", "[1,2,3]"].map(|text| Document::parse(text).unwrap()).to_vec()
    }

    #[test]
    fn a_keeper_in_scope_gets_documents_and_gives_them_back_shared() {
        let (list, documents) = (Rc::new(List::default()), documents());
        let text = with_keeper(list.clone(), || serde_json::to_string(&documents).unwrap());
        assert_eq!(text, r#"["[1]",0]"#);
        let back: Vec<Document> = with_keeper(list, || serde_json::from_str(&text).unwrap());
        assert_eq!(back, documents);
        assert!(back[1].same(&documents[1]) && !back[0].same(&documents[0]));
    }

    #[test]
    fn without_a_keeper_documents_are_strings_and_a_number_is_an_error() {
        assert_eq!(serde_json::to_string(&documents()).unwrap(), r#"["[1]","[1,2,3]"]"#);
        let error = serde_json::from_str::<Document>("7").unwrap_err();
        assert!(error.to_string().contains("document 7"), "{error}");
        for text in ["-1", "null", "1.5", "[]", r#""[""#] {
            assert!(serde_json::from_str::<Document>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_scope_ends_with_its_work_and_hides_an_outer_one() {
        let (outer, inner) = (Rc::new(List::default()), Rc::new(List::default()));
        let text = |documents: &[Document]| serde_json::to_string(documents).unwrap();
        let documents = documents();
        with_keeper(outer.clone(), || {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                with_keeper(inner.clone(), || {
                    text(&documents);
                    panic!("the work fails")
                })
            }));
            assert!(panicked.is_err());
            assert_eq!((inner.0.borrow().len(), outer.0.borrow().len()), (1, 0));
            text(&documents);
            assert_eq!((inner.0.borrow().len(), outer.0.borrow().len()), (1, 1));
        });
        assert_eq!(text(&documents), r#"["[1]","[1,2,3]"]"#);
    }
}
