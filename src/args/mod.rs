// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the words of the command line to a request. The options are listed in `option.rs`.
//! Follows the POSIX Utility Syntax Guidelines and `getopt_long(3)`.

use core::ffi::CStr;
use core::slice;

use linux_raw_sys::general::{__kernel_timespec, SIGKILL};

use crate::forms::check::Which;
use crate::forms::demo::Demo;
use crate::forms::join::Target;
use crate::forms::namespace::{Namespace, User};
use crate::sys::Watcher;
use crate::sys::bytes::{c_str, same, split};
use crate::sys::start::Strings;
use crate::text::{signal, trace};
pub use duration::duration;
use duration::hold_time;
pub use mistake::Mistake;
use mistake::Wrong;
pub use option::OPTIONS;
use option::{ALL, CHECK, COMMAND, DEMO, FORKED, JOIN, JOIN_ALONE, JOIN_FORKED, Opt, Uses, Value};

mod duration;
mod mistake;
mod option;

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
    /// All of the words, the program's name as it was called first.
    words: Strings<'a>,
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
    /// The uses with which all options go that were given.
    uses: Uses,
    /// The use that it turned out to be, when the words are read once more to find out why not.
    used: Uses,
    /// An option that was given and does not go with that use.
    unfit: Option<&'a [u8]>,
}

impl<'a> CommandLine<'a> {
    /// A command line of which nothing has been read.
    #[must_use]
    pub fn new(words: Strings<'a>) -> Self {
        Self {
            words: words.clone(),
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
            uses: ALL,
            used: ALL,
            unfit: None,
        }
    }

    /// Reads the words, the program's name first. Gives the form that they ask for.
    ///
    /// # Errors
    ///
    /// The first mistake in them.
    pub fn read(&mut self) -> Result<Form<'a>, Mistake<'a>> {
        let operand = self.options()?;
        match self.question() {
            Some(form) => Ok(form),
            None => self.operands(operand),
        }
    }

    /// Reads the options, up to one that asks a question. Gives the first operand, if there is one.
    fn options(&mut self) -> Result<Option<&'a CStr>, Mistake<'a>> {
        self.command.skip_one();
        while let Some(word) = self.command.peek() {
            match word.to_bytes() {
                [b'-', b'-'] => {
                    self.command.skip_one();
                    return Ok(self.command.peek());
                }
                [b'-', b'-', ..] => {
                    self.command.skip_one();
                    self.long(word)?;
                }
                [b'-', letters @ ..] if !letters.is_empty() => {
                    self.command.skip_one();
                    for letter in letters {
                        if self.question().is_none() {
                            self.short(word.to_bytes(), letter)?;
                        }
                    }
                }
                _ => return Ok(Some(word)),
            }
            if self.question().is_some() {
                break;
            }
        }
        Ok(None)
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
        let Some(known) = OPTIONS.iter().find(|known| known.name.is(bare)) else {
            return Err(Mistake::new(Wrong::Unrecognized, word.to_bytes()));
        };
        // SAFETY: the value ends where the word does, at a NUL.
        let value = value.map(|value| unsafe { c_str(value.as_ptr().cast()) });
        let value = match known.value {
            Value::None if value.is_some() => {
                return Err(Mistake::new(Wrong::Value, name));
            }
            Value::Required => Some(
                value
                    .or_else(|| self.command.next())
                    .ok_or_else(|| Mistake::new(Wrong::NoValue, name))?,
            ),
            _ => value,
        };
        self.restrict(known.uses, name);
        self.take(known.option, value).ok_or_else(|| {
            let words = [value.unwrap_or_default().to_bytes(), name];
            Mistake { wrong: Wrong::Invalid, words }
        })
    }

    /// Takes one letter of a short option, or of several in one word.
    fn short(&mut self, word: &'a [u8], letter: &'a u8) -> Result<(), Mistake<'a>> {
        let Some((option, uses)) = option::short(*letter) else {
            return Err(Mistake::new(Wrong::Letter, slice::from_ref(letter)));
        };
        self.restrict(uses, word);
        let _ = self.take(option, None);
        Ok(())
    }

    /// Notes with which uses an option goes.
    fn restrict(&mut self, uses: Uses, option: &'a [u8]) {
        self.uses &= uses;
        if uses & self.used == 0 {
            self.unfit = Some(option);
        }
    }

    /// Finds an option that does not go with a use, by reading the words once more.
    #[cold]
    fn unfit(&self, used: Uses) -> &'a [u8] {
        let mut again = Self { used, ..Self::new(self.words.clone()) };
        let _ = again.options();
        again.unfit.unwrap_or_default()
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
            // `-rU` means the same as `-Ur`: `--user` takes back no mapping that was asked for.
            Opt::User => {
                self.demo.namespace.user.get_or_insert(User::Unmapped);
            }
            Opt::Version => self.form = Some(Form::Version),
        }
        Some(())
    }

    /// Takes the operands: the host name, if no option asked for a form, and the command.
    fn operands(&mut self, first: Option<&'a CStr>) -> Result<Form<'a>, Mistake<'a>> {
        let form = if let Some(form) = self.form {
            form
        } else {
            let Some(hostname) = first else {
                let name = self.words.peek().unwrap_or(c"newuts");
                return Err(Mistake::new(Wrong::Usage, name.to_bytes()));
            };
            self.demo.namespace.hostname = hostname;
            self.command.skip_one();
            if self.command.is_empty() { Form::Demonstrate } else { Form::Run }
        };
        let has_command = !self.command.is_empty();
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
        if self.uses & used == 0 {
            return Err(Mistake { wrong: Wrong::Unfit, words: [self.unfit(used), with] });
        }
        match form {
            Form::Check(_) if has_command => {
                Err(Mistake::new(Wrong::Operand, first.unwrap_or_default().to_bytes()))
            }
            _ => Ok(form),
        }
    }
}
