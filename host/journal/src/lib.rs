//! Durable executions.
