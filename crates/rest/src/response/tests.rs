//! Tests of response.
