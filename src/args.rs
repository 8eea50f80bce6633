//! From the words of the command line to a request.
//! Follows the POSIX Utility Syntax Guidelines and `getopt_long(3)`, whose messages it uses.

use core::ffi::CStr;

use linux_raw_sys::general::{SIGKILL, timespec};

use crate::demo::Demo;
use crate::line::Line;
use crate::process::Strings;
use crate::signal;

/// What the words ask for.
pub enum Request<'a> {
    /// Nothing: there is no host name. The name is the program's, as it was called.
    Usage(&'a [u8]),
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// `newuts [OPTION]... HOSTNAME`
    Demonstrate(Demo<'a>),
}

/// Words that cannot be understood.
pub enum Mistake<'a> {
    /// A long option that there is not, as it was given, without the dashes.
    Unrecognized(&'a [u8]),
    /// A letter that is no option.
    Invalid(u8),
    /// An option without the value that it needs.
    Missing(&'a [u8]),
    /// An option with a value that it does not take.
    Unwanted(&'a [u8]),
    /// An option with a value that it cannot take.
    Bad(&'a [u8], &'a [u8]),
    /// One operand too many.
    Extra(&'a [u8]),
}

impl Mistake<'_> {
    /// Says what is wrong, and where help is, in two lines.
    pub fn describe(&self, line: &mut Line) {
        line.text("newuts: ");
        match *self {
            Self::Unrecognized(option) => {
                line.text("unrecognized option '--").escaped(option).text("'")
            }
            Self::Invalid(letter) => line.text("invalid option -- '").escaped(&[letter]).text("'"),
            Self::Missing(option) => {
                line.text("option '--").escaped(option).text("' requires an argument")
            }
            Self::Unwanted(option) => {
                line.text("option '--").escaped(option).text("' doesn't allow an argument")
            }
            Self::Bad(option, value) => {
                line.text("invalid argument '").escaped(value);
                line.text("' for '--").escaped(option).text("'")
            }
            Self::Extra(operand) => line.text("extra operand '").escaped(operand).text("'"),
        }
        .text("\nTry 'newuts --help' for more information.");
    }
}

/// Reads the words of a command line, the program's name first.
///
/// # Errors
///
/// The first mistake in them.
pub fn parse(argv: Strings<'_>) -> Result<Request<'_>, Mistake<'_>> {
    let mut words = argv;
    let name = words.next().unwrap_or(c"newuts");
    let mut hold = timespec { tv_sec: 200, tv_nsec: 0 };
    let mut delay = timespec { tv_sec: 1, tv_nsec: 0 };
    let mut kill_child = None;

    while let Some(word) = words.peek().map(CStr::to_bytes) {
        let option = match word {
            b"--" => {
                words.next();
                break;
            }
            [b'-', b'-', option @ ..] => option,
            [b'-', letter, ..] => return Err(Mistake::Invalid(*letter)),
            _ => break,
        };
        words.next();
        let mut given = Given::new(option, &mut words);
        if given.is("hold") {
            hold = given.required(hold_time)?;
        } else if given.is("delay") {
            delay = given.required(duration)?;
        } else if given.is("kill-child") {
            kill_child = Some(given.optional(signal::number)?.unwrap_or(SIGKILL));
        } else if given.is("help") {
            return given.none(Request::Help);
        } else if given.is("version") {
            return given.none(Request::Version);
        } else {
            return Err(Mistake::Unrecognized(option));
        }
    }

    let Some(hostname) = words.next() else {
        return Ok(Request::Usage(name.to_bytes()));
    };
    if let Some(operand) = words.next() {
        return Err(Mistake::Extra(operand.to_bytes()));
    }
    Ok(Request::Demonstrate(Demo { hostname, hold, delay, kill_child }))
}

/// A long option as it was given.
struct Given<'w, 'a> {
    /// Its name.
    option: &'a [u8],
    /// What came behind a `=`.
    value: Option<&'a [u8]>,
    /// The words after it.
    words: &'w mut Strings<'a>,
}

impl<'w, 'a> Given<'w, 'a> {
    /// Splits `NAME=VALUE`.
    fn new(word: &'a [u8], words: &'w mut Strings<'a>) -> Self {
        let mut parts = word.splitn(2, |byte| *byte == b'=');
        let option = parts.next().unwrap_or_default();
        Self { option, value: parts.next(), words }
    }

    /// Whether it is the option of this name.
    fn is(&self, name: &str) -> bool {
        same(self.option, name)
    }

    /// For an option without a value: gives `meaning`.
    fn none<T>(&self, meaning: T) -> Result<T, Mistake<'a>> {
        match self.value {
            Some(_) => Err(Mistake::Unwanted(self.option)),
            None => Ok(meaning),
        }
    }

    /// For an option that may have a value, and then behind `=` only.
    fn optional<T>(&self, read: impl Fn(&'a [u8]) -> Option<T>) -> Result<Option<T>, Mistake<'a>> {
        let Some(value) = self.value else {
            return Ok(None);
        };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(Mistake::Bad(self.option, value)),
        }
    }

    /// For an option that has a value: behind `=`, or else the next word.
    fn required<T>(&mut self, read: impl Fn(&'a [u8]) -> Option<T>) -> Result<T, Mistake<'a>> {
        if self.value.is_none() {
            self.value = self.words.next().map(CStr::to_bytes);
        }
        self.optional(read)?.ok_or(Mistake::Missing(self.option))
    }
}

/// Whether a word is `text`. Once in the file: the compiler's own comparison is unrolled for each.
#[inline(never)]
fn same(word: &[u8], text: &str) -> bool {
    word.iter().eq(text.as_bytes())
}

/// Reads `--hold`'s value.
fn hold_time(value: &[u8]) -> Option<timespec> {
    if same(value, "forever") {
        // As long as the kernel can count: its times are nanoseconds, and end after 292 years.
        return Some(timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    }
    duration(value)
}

/// Reads a whole number in decimal.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for digit in digits {
        let value = digit.checked_sub(b'0').filter(|value| *value < 10)?;
        number = number.checked_mul(10)?.checked_add(value.into())?;
    }
    (!digits.is_empty()).then_some(number)
}

/// Reads a number of seconds: `200`, `0.25`, `.5`, `5.`; digits below the nanosecond are left out.
#[must_use]
pub fn duration(value: &[u8]) -> Option<timespec> {
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next().unwrap_or_default();
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let seconds = if whole.is_empty() { 0 } else { number(whole)? };
    let mut nanoseconds = 0;
    let mut place = 100_000_000;
    for digit in fraction {
        nanoseconds += i64::from(digit.checked_sub(b'0').filter(|value| *value < 10)?) * place;
        place /= 10;
    }
    Some(timespec { tv_sec: seconds.try_into().ok()?, tv_nsec: nanoseconds })
}
