// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers, durations and signals, against the standard library's parsers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use newuts::args::duration;
use newuts::sys::bytes::number;
use newuts::text::signal;

fuzz_target!(|data: &[u8]| {
    let is_digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    let text = String::from_utf8_lossy(data);
    let expected = if is_digits(data) { text.parse::<u64>().ok() } else { None };
    assert_eq!(number(data), expected);

    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let right = is_digits(whole.as_bytes())
        && is_digits(fraction.as_bytes())
        && whole.len() + fraction.len() > 0;
    let seconds = if whole.is_empty() { Some(0) } else { whole.parse::<i64>().ok() };
    let nanoseconds = format!("{fraction:0<9.9}").parse::<i64>().ok();
    let expected = if right { seconds.zip(nanoseconds) } else { None };
    assert_eq!(duration(data).map(|time| (time.tv_sec, time.tv_nsec)), expected);

    if let Some(known) = signal::number(data) {
        assert!((1..=64).contains(&known));
        if !is_digits(data) {
            let upper = text.to_ascii_uppercase();
            check_signal(upper.strip_prefix("SIG").unwrap_or(&upper), known);
        }
    }
});

/// That a name means this signal: kill(1) of procps and of shells know the three synonyms too.
fn check_signal(name: &str, known: u32) {
    if let Some((base, distance)) = name.split_at_checked(5).filter(|_| known >= 32) {
        let base: i64 = match base {
            "RTMIN" => 34,
            "RTMAX" => 64,
            _ => panic!("{name} is no real-time signal"),
        };
        let distance = if distance.is_empty() { 0 } else { distance.parse().unwrap() };
        assert_eq!(i64::from(known), base + distance);
    } else {
        let name = match name {
            "IOT" => "ABRT",
            "CLD" => "CHLD",
            "POLL" => "IO",
            name => name,
        };
        assert_eq!(signal::name(known as usize), Some(name.as_bytes()));
    }
}
