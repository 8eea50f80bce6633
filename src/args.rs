//! From the words of the command line to a request.
//! Follows the POSIX Utility Syntax Guidelines and `getopt_long(3)`, whose messages it uses.

use core::ffi::CStr;
use core::slice;

use linux_raw_sys::general::{__kernel_timespec, SIGKILL};

use crate::forms::check::Which;
use crate::forms::demo::Demo;
use crate::forms::join::Target;
use crate::forms::namespace::{Namespace, User};
use crate::sys::bytes::{Name, c_str, number, same, split};
use crate::sys::file::STDERR;
use crate::sys::start::Strings;
use crate::sys::{Sys, Watcher};
use crate::text::line::Line;
use crate::text::{signal, trace};

/// The forms of the program.
#[derive(Clone, Copy)]
pub enum Form<'a> {
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
    /// `newuts [OPTION]... --check[=WHICH]`
    Check(Which<'a>),
}

/// What the words of a command line say.
pub struct CommandLine<'a> {
    /// The program's name, as it was called.
    pub name: &'a CStr,
    /// Who shows the calls, if they are to be shown.
    pub watcher: Option<Watcher>,
    /// What the demonstration is told; a command is told only about the namespace.
    pub demo: Demo<'a>,
    /// Whether the program stays as the command's parent.
    pub fork: bool,
    /// The command, or none.
    pub command: Strings<'a>,
    /// The form that an option asks for.
    form: Option<Form<'a>>,
    /// For each of [`USES`], an option that was given and does not go with it.
    unfit: [Option<&'a [u8]>; USES.len()],
}

/// What can be wrong.
#[derive(Clone, Copy)]
enum Wrong {
    Usage,
    Unrecognized,
    NoValue,
    Value,
    Invalid,
    Letter,
    Unfit,
    Operand,
}

/// Words that cannot be understood: what is wrong with them, and which they are.
pub struct Mistake<'a> {
    wrong: Wrong,
    words: [&'a [u8]; 2],
}

impl<'a> Mistake<'a> {
    /// A mistake about one word.
    fn new(wrong: Wrong, word: &'a [u8]) -> Self {
        Self { wrong, words: [word, b""] }
    }

    /// Says what is wrong, and where help is, in two lines.
    pub fn describe(&self, line: &mut Line) {
        let [word, option] = self.words;
        let (before, between, behind) = match self.wrong {
            Wrong::Usage => ("Usage: ", " <child-hostname>", ""),
            Wrong::Unrecognized => ("newuts: unrecognized option '", "'", ""),
            Wrong::NoValue => ("newuts: option '", "' requires an argument", ""),
            Wrong::Value => ("newuts: option '", "' doesn't allow an argument", ""),
            Wrong::Invalid => ("newuts: invalid argument '", "' for '", "'"),
            Wrong::Letter => ("newuts: invalid option -- '", "'", ""),
            Wrong::Unfit => ("newuts: option '", "' cannot be used ", ""),
            Wrong::Operand => ("newuts: extra operand '", "'", ""),
        };
        line.text(before).word(word).text(between).word(option).text(behind);
        line.text("\nTry 'newuts --help' for more information.");
    }

    /// Says so on standard error. Gives the exit status.
    #[must_use]
    pub fn report(&self, sys: &Sys) -> u8 {
        let mut line = Line::new();
        self.describe(&mut line);
        match (self.wrong, line.write_to(sys, STDERR)) {
            // The example's own choice: no host name is a question, not an error.
            (Wrong::Usage, written) => written.is_err().into(),
            _ => 2,
        }
    }
}

/// An option.
#[derive(Clone, Copy)]
enum Opt {
    Check,
    Delay,
    Domainname,
    Fork,
    Help,
    Hold,
    Join,
    KillChild,
    MapCurrentUser,
    MapRootUser,
    Persist,
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

/// The uses with which an option goes: a bit for each of [`USES`].
type Uses = u8;

const DEMO: Uses = 1;
const COMMAND: Uses = 2;
const FORKED: Uses = 4;
const JOIN_ALONE: Uses = 8;
const JOIN: Uses = 16;
const JOIN_FORKED: Uses = 32;
const CHECK: Uses = 64;

/// The demonstration; a command, without `--fork` and with it; `--join` without a command, with
/// one, and with `--fork`; `--check`.
const USES: [Uses; 7] = [DEMO, COMMAND, FORKED, JOIN_ALONE, JOIN, JOIN_FORKED, CHECK];

/// Those that make a namespace.
const NEW: Uses = DEMO | COMMAND | FORKED;
/// Those that enter one.
const JOINING: Uses = JOIN_ALONE | JOIN | JOIN_FORKED;
const ALL: Uses = NEW | JOINING | CHECK;

/// The longest name of an option, in bytes.
const LONGEST_NAME: usize = 16;

/// What there is to know of a long option.
pub struct Known {
    /// Its name, without the two hyphens.
    pub name: Name<LONGEST_NAME>,
    option: Opt,
    value: Value,
    uses: Uses,
}

/// Makes [`OPTIONS`] from lines of `"name" Opt Value uses;`.
macro_rules! options {
    ($($name:literal $option:ident $value:ident $uses:expr;)*) => {
        /// The long options.
        pub const OPTIONS: &[Known] = &[$(Known {
            name: Name::new($name),
            option: Opt::$option,
            value: Value::$value,
            uses: $uses,
        }),*];
    };
}

options! {
    "check" Check Optional CHECK;
    "delay" Delay Required DEMO;
    "domainname" Domainname Required NEW;
    "fork" Fork None FORKED | JOIN_FORKED;
    "help" Help None ALL;
    "hold" Hold Required DEMO;
    "join" Join Required JOINING;
    "kill-child" KillChild Optional DEMO | FORKED | JOIN_FORKED;
    "map-current-user" MapCurrentUser None NEW;
    "map-root-user" MapRootUser None NEW;
    "persist" Persist Required NEW;
    "trace" Trace Optional ALL;
    "user" User None NEW | JOINING;
    "version" Version None ALL;
}

impl<'a> CommandLine<'a> {
    /// A command line of which nothing has been read.
    #[must_use]
    pub fn new(words: Strings<'a>) -> Self {
        Self {
            name: c"newuts",
            watcher: None,
            demo: Demo {
                namespace: Namespace { hostname: c"", domainname: None, user: None },
                hold: __kernel_timespec { tv_sec: 200, tv_nsec: 0 },
                delay: __kernel_timespec { tv_sec: 1, tv_nsec: 0 },
                kill_child: None,
                persist: None,
            },
            fork: false,
            command: words,
            form: None,
            unfit: [None; USES.len()],
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
                        if self.question().is_none() {
                            self.short(word.to_bytes(), letter)?;
                        }
                    }
                }
                _ => break,
            }
            if let Some(form) = self.question() {
                return Ok(form);
            }
        }
        self.operands()
    }

    /// The form, if it is one that answers a question: then what follows does not matter.
    fn question(&self) -> Option<Form<'a>> {
        self.form.filter(|form| matches!(form, Form::Help | Form::Version))
    }

    /// Takes a long option, `--NAME` or `--NAME=VALUE`, and its value from the next word if need
    /// be.
    fn long(&mut self, word: &'a CStr) -> Result<(), Mistake<'a>> {
        let (name, value) = split(word.to_bytes(), b'=');
        let bare = name.get(2..).unwrap_or_default();
        let Some(known) = OPTIONS.iter().find(|known| same(bare, known.name.as_bytes())) else {
            return Err(Mistake::new(Wrong::Unrecognized, word.to_bytes()));
        };
        // SAFETY: the value ends where the word does, at a NUL.
        let value = value.map(|value| unsafe { c_str(value.as_ptr().cast()) });
        let value = match known.value {
            Value::None if value.is_some() => {
                return Err(Mistake::new(Wrong::Value, name));
            }
            Value::Required => Some(
                value.or_else(|| self.command.next()).ok_or(Mistake::new(Wrong::NoValue, name))?,
            ),
            _ => value,
        };
        let words = [value.unwrap_or_default().to_bytes(), name];
        self.restrict(known.uses, name);
        self.take(known.option, value).ok_or(Mistake { wrong: Wrong::Invalid, words })
    }

    /// Takes one letter of a short option, or of several in one word.
    fn short(&mut self, word: &'a [u8], letter: &'a u8) -> Result<(), Mistake<'a>> {
        let (option, uses) = match letter {
            b'U' => (Opt::User, NEW | JOINING),
            b'V' => (Opt::Version, ALL),
            b'c' => (Opt::MapCurrentUser, NEW),
            b'f' => (Opt::Fork, FORKED | JOIN_FORKED),
            b'h' => (Opt::Help, ALL),
            b'r' => (Opt::MapRootUser, NEW),
            _ => return Err(Mistake::new(Wrong::Letter, slice::from_ref(letter))),
        };
        self.restrict(uses, word);
        let _ = self.take(option, None);
        Ok(())
    }

    /// Notes with which uses an option does not go.
    fn restrict(&mut self, uses: Uses, option: &'a [u8]) {
        for (unfit, known) in self.unfit.iter_mut().zip(USES) {
            if uses & known == 0 {
                *unfit = Some(option);
            }
        }
    }

    /// Takes an option with its value, if it can take that. One that must have a value has it.
    fn take(&mut self, option: Opt, value: Option<&'a CStr>) -> Option<()> {
        match option {
            Opt::Check => {
                let which = value.map_or(Some(Which::All), |value| Which::read(value.to_bytes()));
                self.form = Some(Form::Check(which?));
            }
            Opt::Delay => self.demo.delay = duration(value?.to_bytes())?,
            Opt::Domainname => self.demo.namespace.domainname = value,
            Opt::Fork => self.fork = true,
            Opt::Help => self.form = Some(Form::Help),
            Opt::Hold => self.demo.hold = hold_time(value?.to_bytes())?,
            Opt::Join => self.form = Some(Form::Join(Target::read(value?)?)),
            Opt::KillChild => {
                self.demo.kill_child =
                    Some(value.map_or(Some(SIGKILL), |value| signal::number(value.to_bytes()))?);
            }
            Opt::MapCurrentUser => self.demo.namespace.user = Some(User::Current),
            Opt::MapRootUser => self.demo.namespace.user = Some(User::Root),
            Opt::Persist => self.demo.persist = value,
            Opt::Trace => {
                self.watcher = Some(match value.map(CStr::to_bytes) {
                    None => trace::watch_calls,
                    Some(value) if same(value, b"regs") => trace::watch_registers,
                    Some(_) => return None,
                });
            }
            // `-rU` is `-Ur`: to ask for the namespace does not take back who one is in there.
            Opt::User => {
                self.demo.namespace.user.get_or_insert(User::Unmapped);
            }
            Opt::Version => self.form = Some(Form::Version),
        }
        Some(())
    }

    /// Takes the operands: the host name, if no option asked for a form, and the command.
    fn operands(&mut self) -> Result<Form<'a>, Mistake<'a>> {
        let form = if let Some(form) = self.form {
            form
        } else {
            let Some(hostname) = self.command.next() else {
                return Err(Mistake::new(Wrong::Usage, self.name.to_bytes()));
            };
            self.demo.namespace.hostname = hostname;
            if self.command.peek().is_none() { Form::Demonstrate } else { Form::Run }
        };
        let has_command = self.command.peek().is_some();
        let (used, with): (_, &[u8]) = match form {
            Form::Demonstrate => (DEMO, b"without a command"),
            Form::Run if self.fork => (FORKED, b"with a command"),
            Form::Run => (COMMAND, b"with a command"),
            Form::Join(_) if !has_command && self.fork => (JOIN_ALONE, b"without a command"),
            Form::Join(_) if self.fork => (JOIN_FORKED, b"with --join"),
            Form::Join(_) if has_command => (JOIN, b"with --join"),
            Form::Join(_) => (JOIN_ALONE, b"with --join"),
            Form::Check(_) => (CHECK, b"with --check"),
            Form::Help | Form::Version => return Ok(form),
        };
        let unfit = USES.iter().zip(self.unfit).find(|(known, _)| **known == used);
        if let Some((_, Some(option))) = unfit {
            return Err(Mistake { wrong: Wrong::Unfit, words: [option, with] });
        }
        match (form, self.command.peek()) {
            (Form::Check(_), Some(word)) => Err(Mistake::new(Wrong::Operand, word.to_bytes())),
            _ => Ok(form),
        }
    }
}

/// Reads `--hold`'s value.
fn hold_time(value: &[u8]) -> Option<__kernel_timespec> {
    if same(value, b"forever") {
        // As long as the kernel can count: its times are nanoseconds, and end after 292 years.
        return Some(__kernel_timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    }
    duration(value)
}

/// Reads a number of seconds: `200`, `0.25`, `.5`, `5.`; digits below the nanosecond are left out.
#[must_use]
pub fn duration(value: &[u8]) -> Option<__kernel_timespec> {
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
    Some(__kernel_timespec { tv_sec: seconds.try_into().ok()?, tv_nsec: nanoseconds })
}
