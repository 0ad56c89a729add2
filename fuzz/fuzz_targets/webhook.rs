#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aigc_auth_fuzz::run("webhook", data));
