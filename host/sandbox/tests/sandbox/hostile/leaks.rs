//! What one invocation leaves behind for the next: nothing.
