// SPDX-License-Identifier: MIT OR Apache-2.0
//! What execve(2) leaves on the stack of a new process: arguments, environment, auxiliary vector.
//! Follows the System V ABI ("Process Initialization") and getauxval(3).

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;

use linux_raw_sys::auxvec::{AT_NULL, AT_PAGESZ, AT_SECURE, AT_UID};

use super::bytes::c_str;

/// The initial stack. The kernel builds it, from the highest address down, and starts the program
/// with the stack pointer at its lowest word:
///
/// ```text
///   high   strings: the arguments and the environment, each ended by NUL
///          AT_NULL, 0                 \
///          …                           | auxv: pairs of words
///          AT_PAGESZ, 4096            /
///          NULL                       \
///          envp[1]                     | envp: pointers to "NAME=value"
///          envp[0]                    /
///          NULL                       \
///          argv[1]                     | argv: pointers to the words of the command
///          argv[0]                    /
///   sp →   argc                         a word of this CPU, like all here
/// ```
pub struct InitialStack<'a> {
    argv: Strings<'a>,
}

impl<'a> InitialStack<'a> {
    /// Reads the initial stack whose lowest word is at `sp`.
    ///
    /// # Safety
    ///
    /// `sp` points to a block as drawn above that lives, unchanged, for `'a`.
    #[must_use]
    pub unsafe fn new(sp: *const usize) -> Self {
        // SAFETY: argv begins one word above argc, in the same block.
        let argv = unsafe { sp.add(1) };
        // SAFETY: argv is such an array, in the block's layout.
        let argv = unsafe { Strings::new(argv.cast()) };
        Self { argv }
    }

    /// The arguments, the program's name as it was called first. May be empty: execve(2) allowed
    /// that before Linux 5.18.
    #[must_use]
    pub fn argv(&self) -> Strings<'a> {
        self.argv.clone()
    }

    /// The environment.
    #[must_use]
    pub fn envp(&self) -> Strings<'a> {
        Strings { next: self.argv.end(), lifetime: PhantomData }
    }

    /// The size of a page of memory, in bytes: `AT_PAGESZ`, or 4096 when the kernel does not say.
    #[must_use]
    pub fn page_size(&self) -> usize {
        self.auxiliary(AT_PAGESZ).unwrap_or(4096)
    }

    /// Whether the program's file gave a user a privilege, by its set-user-ID bit or its capabilities:
    /// `AT_SECURE` (getauxval(3)) and not root. (A security module may say it of root, too.)
    #[must_use]
    pub fn has_privilege_of_file(&self) -> bool {
        self.auxiliary(AT_SECURE).is_some_and(|secure| secure != 0)
            && self.auxiliary(AT_UID) != Some(0)
    }

    /// What the auxiliary vector has for this kind of entry.
    fn auxiliary(&self, wanted: u32) -> Option<usize> {
        let mut entry: *const [usize; 2] = self.envp().end().cast();
        loop {
            // SAFETY: `entry` is at or before AT_NULL, the vector's last entry.
            let [kind, value] = unsafe { entry.read() };
            match u32::try_from(kind) {
                Ok(AT_NULL) => return None,
                Ok(kind) if kind == wanted => return Some(value),
                // SAFETY: this one was not AT_NULL, so another follows.
                _ => entry = unsafe { entry.add(1) },
            }
        }
    }
}

/// An array of C strings, ended by a null pointer: argv or envp, or what is left of it.
/// As an iterator it gives the strings.
#[derive(Clone)]
pub struct Strings<'a> {
    next: *const *const c_char,
    lifetime: PhantomData<&'a CStr>,
}

impl<'a> Strings<'a> {
    /// The strings from `array` on.
    ///
    /// # Safety
    ///
    /// `array` is an array of pointers to C strings, ended by a null pointer, and all of it lives,
    /// unchanged, for `'a`.
    #[must_use]
    pub unsafe fn new(array: *const *const c_char) -> Self {
        Self { next: array, lifetime: PhantomData }
    }

    /// The next string, without going on to it.
    #[must_use]
    pub fn peek(&self) -> Option<&'a CStr> {
        // SAFETY: the array holds C strings that live for 'a, by the contract of `new`.
        self.pointer().map(|string| unsafe { c_str(string) })
    }

    /// Whether there is no next string.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pointer().is_none()
    }

    /// Goes on behind the next string, if there is one.
    pub fn skip_one(&mut self) {
        if !self.is_empty() {
            // SAFETY: there is a string here, so the array goes on.
            self.next = unsafe { self.next.add(1) };
        }
    }

    /// The next string, not measured.
    fn pointer(&self) -> Option<*const c_char> {
        // SAFETY: `next` is at or before the array's null pointer.
        let string = unsafe { self.next.read() };
        (!string.is_null()).then_some(string)
    }

    /// What is left, as execve(2) takes it.
    #[must_use]
    pub fn as_ptr(&self) -> *const *const c_char {
        self.next
    }

    /// The words to run `script` by a shell: the shell's path, the script's, and what is left
    /// behind the first of these words. They are put together where these words are, so that no
    /// memory is needed for them, however many there are.
    ///
    /// # Safety
    ///
    /// There is a word before these in the array, nobody else reads that or the first of these any
    /// more, and `shell` and `script` live as long as what is given.
    #[must_use]
    pub unsafe fn with_shell(&self, shell: &CStr, script: &CStr) -> Self {
        // SAFETY: there is a word before, by this function's own contract.
        let before = unsafe { self.next.sub(1) }.cast_mut();
        // SAFETY: execve(2) leaves the array in writable memory, and nobody reads this word.
        unsafe { before.write(shell.as_ptr()) };
        // SAFETY: the first of these words is behind it, and nobody reads that either.
        let first = unsafe { before.add(1) };
        // SAFETY: the same.
        unsafe { first.write(script.as_ptr()) };
        Self { next: before, lifetime: PhantomData }
    }

    /// Puts a word in the place of the first.
    ///
    /// # Safety
    ///
    /// Nobody else reads the first of these words any more, and `word` lives as long as they do.
    pub unsafe fn set_first(&self, word: &CStr) {
        // SAFETY: execve(2) leaves the array in writable memory, and nobody reads this word.
        unsafe { self.next.cast_mut().write(word.as_ptr()) };
    }

    /// The word above the null pointer.
    fn end(&self) -> *const *const c_char {
        let mut word = self.next;
        loop {
            // SAFETY: `word` is at or before the array's null pointer.
            let string = unsafe { word.read() };
            word = word.wrapping_add(1);
            if string.is_null() {
                return word;
            }
        }
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a CStr;

    fn next(&mut self) -> Option<&'a CStr> {
        let string = self.peek();
        self.skip_one();
        string
    }
}
