#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parv_fuzz::announcement::hold(bytes));
