//! Buckets in S3. Not written yet.

/// Buckets in S3, or in a server that speaks its protocol.
#[derive(Clone, Debug)]
pub struct S3Buckets(());
