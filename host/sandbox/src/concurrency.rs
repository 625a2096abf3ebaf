//! Concurrency: how many invocations may be under way at one time (`facts/limits.md` 3).
//!
//! An account has so many. A function may reserve some of them: then it has those, and no more. All others
//! share what nobody reserved. Whoever comes too late is throttled, not kept waiting.

use std::sync::atomic::{AtomicU32, Ordering};

/// An account's concurrency.
#[derive(Debug)]
pub(crate) struct Account {
    limit: u32,
    reserved: AtomicU32,
    running: AtomicU32,
}

impl Account {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, reserved: AtomicU32::new(0), running: AtomicU32::new(0) }
    }

    /// What functions without a share of their own have together.
    pub(crate) fn unreserved(&self) -> u32 {
        self.limit.saturating_sub(self.reserved.load(Ordering::Relaxed))
    }
}

/// A function's part of the account's concurrency.
#[derive(Debug)]
pub(crate) struct Share {
    reserved: Option<u32>,
    running: AtomicU32,
}

impl Share {
    pub(crate) fn new(account: &Account, reserved: Option<u32>) -> Self {
        account.reserved.fetch_add(reserved.unwrap_or(0), Ordering::Relaxed);
        Self { reserved, running: AtomicU32::new(0) }
    }

    /// Gives back what was reserved.
    pub(crate) fn release(&self, account: &Account) {
        account.reserved.fetch_sub(self.reserved.unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.reserved.is_some()
    }

    /// Takes part in what is under way; the error has the number that is allowed.
    pub(crate) fn admit<'s>(&'s self, account: &'s Account) -> Result<Admission<'s>, Crowded<'s>> {
        let (running, allowed) = match self.reserved {
            Some(reserved) => (&self.running, reserved),
            None => (&account.running, account.unreserved()),
        };
        let one_more = |before: u32| (before < allowed).then_some(before + 1);
        match running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => Ok(Admission { running }),
            Err(before) => Err(Crowded { running, wanted: before.saturating_add(1), allowed }),
        }
    }
}

/// An invocation that is under way, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Admission<'s> {
    running: &'s AtomicU32,
}

/// One invocation too many.
#[derive(Debug)]
pub(crate) struct Crowded<'s> {
    running: &'s AtomicU32,
    /// How many it would have been.
    pub(crate) wanted: u32,
    /// How many there may be.
    pub(crate) allowed: u32,
}

impl<'s> Crowded<'s> {
    /// Goes on all the same.
    pub(crate) fn anyway(self) -> Admission<'s> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Admission { running: self.running }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_what_it_reserved_and_others_have_the_rest() {
        let account = Account::new(5);
        let own = Share::new(&account, Some(2));
        let other = Share::new(&account, None);
        let third = Share::new(&account, None);
        let (_a, _b) = (own.admit(&account).unwrap(), own.admit(&account).unwrap());
        let crowded = own.admit(&account).unwrap_err();
        assert_eq!((crowded.wanted, crowded.allowed), (3, 2));
        drop(crowded.anyway());
        let (_c, _d) = (other.admit(&account).unwrap(), third.admit(&account).unwrap());
        let last = other.admit(&account).unwrap();
        assert_eq!(third.admit(&account).unwrap_err().allowed, 3);
        drop(last);
        assert!(third.admit(&account).is_ok());
        own.release(&account);
        assert_eq!(account.unreserved(), 5);
    }

    #[test]
    fn nothing_reserved_is_nothing_allowed() {
        let account = Account::new(1_000);
        let share = Share::new(&account, Some(0));
        assert_eq!(share.admit(&account).unwrap_err().allowed, 0);
    }
}
