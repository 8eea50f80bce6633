//! The machinery of the tests.
