//! Resolution over small made-up catalogues.
