//! libFuzzer over what a server may say, and what a certificate may be.
#![no_main]

mod answer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    answer::certificate(bytes);
    answer::answer(bytes);
});
