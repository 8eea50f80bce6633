//! From the words of the command line to a request.
//! Follows the POSIX Utility Syntax Guidelines and `getopt_long(3)`, whose messages it uses.

use core::ffi::CStr;
use core::slice;

use linux_raw_sys::general::{SIGKILL, timespec};

use crate::demo::Demo;
use crate::join::{Join, Target};
use crate::line::Line;
use crate::namespace::{Namespace, User};
use crate::process::{Strings, c_str};
use crate::signal;
use crate::sys::Pid;
use crate::trace::Trace;

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
    /// `newuts [OPTION]... HOSTNAME COMMAND [ARG]...`
    Run(Namespace<'a>, Strings<'a>),
    /// `newuts [OPTION]... --join TARGET [COMMAND [ARG]...]`
    Join(Join<'a>, Strings<'a>),
}

/// Words that cannot be understood: what is wrong with them, in which each `%` stands for one of the
/// words.
pub struct Mistake<'a> {
    text: &'static str,
    words: [&'a [u8]; 2],
}

impl<'a> Mistake<'a> {
    /// A mistake about one word.
    fn new(text: &'static str, word: &'a [u8]) -> Self {
        Self { text, words: [word, b""] }
    }

    /// Says what is wrong, and where help is, in two lines.
    pub fn describe(&self, line: &mut Line) {
        line.text("newuts: ");
        let mut words = self.words.iter();
        for byte in self.text.bytes() {
            match byte {
                b'%' => line.escaped(words.next().copied().unwrap_or_default()),
                _ => line.byte(byte),
            };
        }
        line.text("\nTry 'newuts --help' for more information.");
    }
}

/// An option.
#[derive(Clone, Copy)]
enum Opt {
    Delay,
    Domainname,
    Help,
    Hold,
    Join,
    KillChild,
    MapCurrentUser,
    MapRootUser,
    Trace,
    User,
    Version,
}

/// Whether an option has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// No.
    None,
    /// Yes, behind `=` or in the next word.
    Required,
    /// Perhaps, behind `=`.
    Optional,
}

/// For which forms an option means something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forms {
    All,
    NotJoin,
    Demo,
}

/// The long options. Their names are padded, because a table of strings would hold pointers, which
/// would have to be relocated.
const OPTIONS: [([u8; 16], Opt, Value, Forms); 11] = [
    (*b"delay           ", Opt::Delay, Value::Required, Forms::Demo),
    (*b"domainname      ", Opt::Domainname, Value::Required, Forms::NotJoin),
    (*b"help            ", Opt::Help, Value::None, Forms::All),
    (*b"hold            ", Opt::Hold, Value::Required, Forms::Demo),
    (*b"join            ", Opt::Join, Value::Required, Forms::All),
    (*b"kill-child      ", Opt::KillChild, Value::Optional, Forms::Demo),
    (*b"map-current-user", Opt::MapCurrentUser, Value::None, Forms::NotJoin),
    (*b"map-root-user   ", Opt::MapRootUser, Value::None, Forms::NotJoin),
    (*b"trace           ", Opt::Trace, Value::Optional, Forms::All),
    (*b"user            ", Opt::User, Value::None, Forms::All),
    (*b"version         ", Opt::Version, Value::None, Forms::All),
];

/// The options of a command line, as they are gathered.
struct Options<'a> {
    trace: Trace,
    hold: timespec,
    delay: timespec,
    kill_child: Option<u32>,
    user: Option<User>,
    domainname: Option<&'a CStr>,
    join: Option<(&'a CStr, Target<'a>)>,
    /// One that means something to the demonstration only, if there is one.
    for_demo: Option<&'a [u8]>,
    /// One that means nothing to `--join`, if there is one.
    not_for_join: Option<&'a [u8]>,
    /// An option that is a request of its own.
    request: Option<Request<'a>>,
}

/// A command line, read.
pub struct CommandLine<'a> {
    /// How calls are to be shown.
    pub trace: Trace,
    /// What is asked for, or the first mistake.
    pub request: Result<Request<'a>, Mistake<'a>>,
}

/// Reads the words of a command line, the program's name first.
#[must_use]
pub fn parse(words: Strings<'_>) -> CommandLine<'_> {
    let mut options = Options {
        trace: Trace::Off,
        hold: timespec { tv_sec: 200, tv_nsec: 0 },
        delay: timespec { tv_sec: 1, tv_nsec: 0 },
        kill_child: None,
        user: None,
        domainname: None,
        join: None,
        for_demo: None,
        not_for_join: None,
        request: None,
    };
    let request = options.read(words);
    CommandLine { trace: options.trace, request }
}

impl<'a> Options<'a> {
    /// Reads the options, and makes a request of them and the operands.
    fn read(&mut self, mut words: Strings<'a>) -> Result<Request<'a>, Mistake<'a>> {
        let name = words.next().unwrap_or(c"newuts");
        while let Some(word) = words.peek() {
            match word.to_bytes() {
                [b'-', b'-'] => {
                    words.next();
                    break;
                }
                [b'-', b'-', ..] => {
                    words.next();
                    self.long(word, &mut words)?;
                }
                [b'-', letters @ ..] if !letters.is_empty() => {
                    words.next();
                    for letter in letters {
                        self.short(word.to_bytes(), letter)?;
                    }
                }
                _ => break,
            }
            if let Some(request) = self.request.take() {
                return Ok(request);
            }
        }
        self.request(name, words)
    }

    /// Takes a long option, `--NAME` or `--NAME=VALUE`, and its value from the next word if need
    /// be.
    fn long(&mut self, word: &'a CStr, words: &mut Strings<'a>) -> Result<(), Mistake<'a>> {
        let (name, value) = split(word.to_bytes(), b'=');
        let same = |known: &[u8; 16]| {
            let known = known.iter().take_while(|byte| **byte != b' ');
            name.iter().skip(2).eq(known)
        };
        let Some((_, option, kind, forms)) = OPTIONS.iter().find(|(known, ..)| same(known)) else {
            return Err(Mistake::new("unrecognized option '%'", word.to_bytes()));
        };
        // SAFETY: the value ends where the word does, at a NUL.
        let value = value.map(|value| unsafe { c_str(value.as_ptr().cast()) });
        let value = match kind {
            Value::None if value.is_some() => {
                return Err(Mistake::new("option '%' doesn't allow an argument", name));
            }
            Value::Required => Some(
                value
                    .or_else(|| words.next())
                    .ok_or(Mistake::new("option '%' requires an argument", name))?,
            ),
            _ => value,
        };
        let words = [value.unwrap_or_default().to_bytes(), name];
        self.restrict(*forms, name);
        self.take(*option, value).ok_or(Mistake { text: "invalid argument '%' for '%'", words })
    }

    /// Takes one letter of a short option, or of several in one word.
    fn short(&mut self, word: &'a [u8], letter: &'a u8) -> Result<(), Mistake<'a>> {
        let (option, forms) = match letter {
            b'U' => (Opt::User, Forms::All),
            b'c' => (Opt::MapCurrentUser, Forms::NotJoin),
            b'r' => (Opt::MapRootUser, Forms::NotJoin),
            _ => return Err(Mistake::new("invalid option -- '%'", slice::from_ref(letter))),
        };
        self.restrict(forms, word);
        let _ = self.take(option, None);
        Ok(())
    }

    /// Notes that an option does not go with every form.
    fn restrict(&mut self, forms: Forms, option: &'a [u8]) {
        if forms == Forms::Demo {
            self.for_demo = Some(option);
        }
        if forms != Forms::All {
            self.not_for_join = Some(option);
        }
    }

    /// Takes an option with its value, if it can take that. One that must have a value has it.
    fn take(&mut self, option: Opt, value: Option<&'a CStr>) -> Option<()> {
        match option {
            Opt::Delay => self.delay = duration(value?.to_bytes())?,
            Opt::Domainname => self.domainname = value,
            Opt::Help => self.request = Some(Request::Help),
            Opt::Hold => self.hold = hold_time(value?.to_bytes())?,
            Opt::Join => self.join = Some((value?, target(value?)?)),
            Opt::KillChild => {
                self.kill_child =
                    Some(value.map_or(Some(SIGKILL), |value| signal::number(value.to_bytes()))?);
            }
            Opt::MapCurrentUser => self.user = Some(User::Current),
            Opt::MapRootUser => self.user = Some(User::Root),
            Opt::Trace => {
                self.trace = match value.map(CStr::to_bytes) {
                    None => Trace::Calls,
                    Some(b"regs") => Trace::Registers,
                    Some(_) => return None,
                };
            }
            Opt::User => self.user = Some(User::Unmapped),
            Opt::Version => self.request = Some(Request::Version),
        }
        Some(())
    }

    /// Makes a request of the options and the operands.
    fn request(
        &self,
        name: &'a CStr,
        mut operands: Strings<'a>,
    ) -> Result<Request<'a>, Mistake<'a>> {
        if let Some((name, target)) = self.join {
            if let Some(option) = self.not_for_join {
                return Err(Mistake::new("option '%' cannot be used with --join", option));
            }
            let join = Join { name, target, user: self.user.is_some() };
            return Ok(Request::Join(join, operands));
        }
        let Some(hostname) = operands.next() else {
            return Ok(Request::Usage(name.to_bytes()));
        };
        let Self { hold, delay, kill_child, domainname, user, .. } = *self;
        let namespace = Namespace { hostname, domainname, user };
        if operands.peek().is_some() {
            if let Some(option) = self.for_demo {
                return Err(Mistake::new("option '%' cannot be used with a command", option));
            }
            return Ok(Request::Run(namespace, operands));
        }
        Ok(Request::Demonstrate(Demo { namespace, hold, delay, kill_child }))
    }
}

/// The bytes before the first `byte`, and those after it if it is there.
pub(crate) fn split(bytes: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    let place = bytes.iter().position(|known| *known == byte).unwrap_or(bytes.len());
    (bytes.get(..place).unwrap_or_default(), bytes.get(place + 1..))
}

/// Reads `--hold`'s value.
fn hold_time(value: &[u8]) -> Option<timespec> {
    if value == b"forever" {
        // As long as the kernel can count: its times are nanoseconds, and end after 292 years.
        return Some(timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    }
    duration(value)
}

/// Reads `--join`'s value: a process id, or a path, which has a slash.
fn target(value: &CStr) -> Option<Target<'_>> {
    let bytes = value.to_bytes();
    if split(bytes, b'/').1.is_some() {
        return Some(Target::File(value));
    }
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // There is no process with so large an id as one that does not fit (proc(5), pid_max).
    let pid = number(bytes).and_then(|number| Pid::try_from(number).ok());
    Some(Target::Process(pid.unwrap_or(Pid::MAX)))
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
    let (whole, fraction) = split(value, b'.');
    let fraction = fraction.unwrap_or_default();
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
