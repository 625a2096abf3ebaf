//! What users see, tested: case folders, the real binary, rules about the architecture.
