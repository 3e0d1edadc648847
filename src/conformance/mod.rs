//! The test suite that every store runs.
