//! What a hostile task can try, by theme. Each case is a test: it ends as it should, the report names the
//! guard that stopped it, and the honest invocation after it is unharmed. `mixed` runs them all at once.

mod floods;
mod handles;
mod leaks;
mod memory;
mod reach;
mod text;
mod time;

use crate::support::Case;

/// All cases that are cheap enough to be run by the hundred.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for theme in
        [floods::cases, handles::cases, memory::cases, reach::cases, text::cases, time::cases]
    {
        cases.extend(theme());
    }
    cases
}
