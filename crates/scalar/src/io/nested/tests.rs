//! Nested text forms against PostgreSQL.
