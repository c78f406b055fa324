//! Bodies of requests over HTTP, in either language. What must hold stands in `sandbar_testkit::fuzzed`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sandbar_testkit::fuzzed::body(bytes));
