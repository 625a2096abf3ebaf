//! What the dialect does, quirk by quirk.
