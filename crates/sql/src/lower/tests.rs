//! Lowering: tree in, text out.
