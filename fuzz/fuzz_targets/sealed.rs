//! What is handed out over HTTP to be given back: constructed queries and continuation tokens. What must hold stands in `sandbar_testkit::fuzzed`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sandbar_testkit::fuzzed::sealed(bytes));
