//! From the words of the command line to a request.
//! Follows the POSIX Utility Syntax Guidelines and `getopt_long(3)`, whose messages it uses.

use core::ffi::CStr;
use core::slice;

use linux_raw_sys::general::{SIGKILL, timespec};

use crate::demo::Demo;
use crate::join::Target;
use crate::line::Line;
use crate::namespace::{Namespace, User};
use crate::process::{Strings, c_str};
use crate::signal;
use crate::trace::Trace;

/// The forms of the program.
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// None: there is no host name.
    Usage,
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// `newuts [OPTION]... HOSTNAME`
    Demonstrate,
    /// `newuts [OPTION]... HOSTNAME COMMAND [ARG]...`
    Run,
    /// `newuts [OPTION]... --join TARGET [COMMAND [ARG]...]`
    Join(Target<'a>),
}

/// What the words of a command line say.
pub struct CommandLine<'a> {
    /// The program's name, as it was called.
    pub name: &'a CStr,
    /// How calls are to be shown.
    pub trace: Trace,
    /// What the demonstration is told; a command is told only about the namespace.
    pub demo: Demo<'a>,
    /// The command, or none.
    pub command: Strings<'a>,
    /// What is to be joined.
    target: Option<Target<'a>>,
    /// One option that means something to the demonstration only, if there is one.
    for_demo: Option<&'a [u8]>,
    /// One option that means nothing to `--join`, if there is one.
    not_for_join: Option<&'a [u8]>,
    /// The form that an option is by itself.
    form: Option<Form<'a>>,
}

/// Where help is, for those who may need it.
pub const HELP_IS_THERE: &str = "Try 'newuts --help' for more information.";

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
        line.byte(b'\n').text(HELP_IS_THERE);
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

impl<'a> CommandLine<'a> {
    /// A command line of which nothing has been read.
    #[must_use]
    pub fn new(words: Strings<'a>) -> Self {
        Self {
            name: c"newuts",
            trace: Trace::Off,
            demo: Demo {
                namespace: Namespace { hostname: c"", domainname: None, user: None },
                hold: timespec { tv_sec: 200, tv_nsec: 0 },
                delay: timespec { tv_sec: 1, tv_nsec: 0 },
                kill_child: None,
            },
            command: words,
            target: None,
            for_demo: None,
            not_for_join: None,
            form: None,
        }
    }

    /// Reads the words, the program's name first. Gives the form that they ask for.
    ///
    /// # Errors
    ///
    /// The first mistake in them.
    pub fn read(&mut self) -> Result<Form<'a>, Mistake<'a>> {
        if let Some(name) = self.command.next() {
            self.name = name;
        }
        while let Some(word) = self.command.peek() {
            match word.to_bytes() {
                [b'-', b'-'] => {
                    self.command.next();
                    break;
                }
                [b'-', b'-', ..] => {
                    self.command.next();
                    self.long(word)?;
                }
                [b'-', letters @ ..] if !letters.is_empty() => {
                    self.command.next();
                    for letter in letters {
                        self.short(word.to_bytes(), letter)?;
                    }
                }
                _ => break,
            }
            if let Some(form) = self.form {
                return Ok(form);
            }
        }
        self.operands()
    }

    /// Takes a long option, `--NAME` or `--NAME=VALUE`, and its value from the next word if need
    /// be.
    fn long(&mut self, word: &'a CStr) -> Result<(), Mistake<'a>> {
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
                    .or_else(|| self.command.next())
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
            Opt::Delay => self.demo.delay = duration(value?.to_bytes())?,
            Opt::Domainname => self.demo.namespace.domainname = value,
            Opt::Help => self.form = Some(Form::Help),
            Opt::Hold => self.demo.hold = hold_time(value?.to_bytes())?,
            Opt::Join => self.target = Some(Target::read(value?)?),
            Opt::KillChild => {
                self.demo.kill_child =
                    Some(value.map_or(Some(SIGKILL), |value| signal::number(value.to_bytes()))?);
            }
            Opt::MapCurrentUser => self.demo.namespace.user = Some(User::Current),
            Opt::MapRootUser => self.demo.namespace.user = Some(User::Root),
            Opt::Trace => {
                self.trace = match value.map(CStr::to_bytes) {
                    None => Trace::Calls,
                    Some(b"regs") => Trace::Registers,
                    Some(_) => return None,
                };
            }
            // `-rU` is `-Ur`: to ask for the namespace does not take back who one is in there.
            Opt::User => {
                self.demo.namespace.user.get_or_insert(User::Unmapped);
            }
            Opt::Version => self.form = Some(Form::Version),
        }
        Some(())
    }

    /// Takes the operands: the host name, if nothing is to be joined, and the command.
    fn operands(&mut self) -> Result<Form<'a>, Mistake<'a>> {
        if let Some(target) = self.target {
            return match self.not_for_join {
                Some(option) => Err(Mistake::new("option '%' cannot be used with --join", option)),
                None => Ok(Form::Join(target)),
            };
        }
        let Some(hostname) = self.command.next() else {
            return Ok(Form::Usage);
        };
        self.demo.namespace.hostname = hostname;
        match self.for_demo {
            _ if self.command.peek().is_none() => Ok(Form::Demonstrate),
            Some(option) => Err(Mistake::new("option '%' cannot be used with a command", option)),
            None => Ok(Form::Run),
        }
    }
}

/// The bytes before the first `byte`, and those after it if it is there.
pub(crate) fn split(bytes: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    let place = bytes.iter().position(|known| *known == byte).unwrap_or(bytes.len());
    (bytes.get(..place).unwrap_or_default(), bytes.get(place + 1..))
}

/// The line at `index` of those that `byte` separates.
pub(crate) fn nth(lines: &[u8], byte: u8, index: usize) -> Option<&[u8]> {
    lines.split(|known| *known == byte).nth(index)
}

/// Reads `--hold`'s value.
fn hold_time(value: &[u8]) -> Option<timespec> {
    if value == b"forever" {
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
