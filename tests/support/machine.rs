// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machines that boot a real kernel, whose first process is what the test says.
//!
//! What there is to say about each stands in `tests/machines.txt`, and nowhere else; what other
//! kernels one of them boots, in `tests/kernels.txt`.

use std::ffi::CStr;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, TryLockError};
use std::time::Duration;
use std::{env, fs, thread};

use regex::Regex;
use tempfile::TempDir;

use super::initramfs::Initramfs;
use super::run::{Running, Watched as _, command, eventually};
use super::{apart, cross, require};

/// How long a machine may run: a hundred times what it needs, for it shares its cores with others.
const LIMIT: Duration = Duration::from_secs(600);

/// The kernel's own words at the end of a machine that was switched off.
const POWER_DOWN: &str = "reboot: Power down";

/// A machine's time is that of the instructions that it has executed, and when it has nothing to do,
/// that at which it will. So it is the same machine on a busy computer, and sleeps for nothing.
pub const OWN_TIME: [&str; 2] = ["-icount", "shift=4,sleep=off"];

/// What the kernel is told beside what a test says. Its tests of its own ciphers would be a third
/// of a boot ("cryptomgr.notests" in the kernel's command-line parameters).
const KERNEL: &str = "panic=-1 quiet cryptomgr.notests";

/// How a script begins.
const PREPARE: &str = "\
/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
";

/// A line of `tests/machines.txt`.
pub struct Machine {
    /// Its CPU, as the first part of its target is called.
    pub rust: &'static str,
    /// The target, as Rust calls it.
    pub target: &'static str,
    /// Whether CI fails without it.
    must: bool,
    /// The program that runs its programs without it.
    pub user: &'static str,
    /// Whether it is asked everything, or only that in which CPUs can differ.
    pub all: bool,
    console: &'static str,
    /// What the last line begins with that the firmware writes to the console.
    firmware: Option<Regex>,
    /// Whether the kernel says in the end that it switches off.
    farewell: bool,
    /// What the emulator's monitor is told to press Ctrl-Alt-Del, if it can.
    delete: Option<&'static str>,
    /// The sizes of pages for which its kernels are built, in bytes: this one's first.
    pub pages: Vec<u64>,
    /// The registers of a system call, its number's first.
    pub registers: Vec<&'static str>,
    /// clone's number and its first two arguments, in the order of the registers.
    pub clone: Vec<&'static str>,
    /// How many registers mmap has.
    pub mmap: usize,
    /// The calls whose manual page's name an older call has.
    newer: Vec<&'static str>,
    emulator: Vec<&'static str>,
    kernel: PathBuf,
}

/// The folder into which `tests/setup` unpacks.
pub fn cache() -> PathBuf {
    let folder = |name| env::var_os(name).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or(folder("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_default().join("newuts-tests")
}

/// All machines, but those that CI can do without and that are not there: these are skipped aloud,
/// once for all tests.
pub fn machines() -> impl Iterator<Item = Machine> {
    static ABSENT: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let mut absent = Vec::new();
        for machine in table().filter(|machine| !machine.must) {
            if let Err(missing) = machine.prepared() {
                require::say(machine.rust, &missing);
                absent.push(machine.rust);
            }
        }
        absent
    });
    table().filter(|machine| !ABSENT.contains(&machine.rust))
}

/// The lines of `tests/machines.txt`.
pub fn table() -> impl Iterator<Item = Machine> {
    let lines = include_str!("../machines.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let mut words = line.split_whitespace();
        let mut word = || words.next().expect(line);
        let (rust, target, must) = (word(), word(), word() == "yes");
        let (_debian, _suite, _library, _kernel, _packages) =
            (word(), word(), word(), word(), word());
        let (user, all, console) = (word(), word() == "all", word());
        let firmware = Some(word()).filter(|last| *last != "-");
        let firmware =
            firmware.map(|last| Regex::new(&format!("(?s)^(.*\\n)?{last}.*?\\n")).unwrap());
        let farewell = word() == "yes";
        let delete = match word() {
            "sendkey" => Some("sendkey ctrl-alt-delete\n"),
            "system_powerdown" => Some("system_powerdown\n"),
            "-" => None,
            _ => panic!("{line}"),
        };
        let pages = word().split(',').map(|size| size.parse().expect(line)).collect();
        let list = |word: &'static str| word.split(',').collect();
        let (registers, clone) = (list(word()), list(word()));
        let (mmap, newer) = (word().parse().expect(line), list(word()));
        let emulator = words.collect();
        Machine {
            rust,
            target,
            must,
            user,
            all,
            console,
            firmware,
            farewell,
            delete,
            pages,
            registers,
            clone,
            mmap,
            newer,
            emulator,
            kernel: cache().join(rust).join("vmlinuz"),
        }
    })
}

/// Runs a test on every machine, side by side. A machine that cannot run here is skipped aloud.
pub fn on_each(test: impl Fn(&Machine) + Sync) {
    on_those(|_| true, test);
}

/// [`on_each`], for those that are asked everything.
pub fn on_the_usual(test: impl Fn(&Machine) + Sync) {
    on_those(|machine| machine.all, test);
}

/// [`on_each`], for some of them.
pub fn on_those(which: impl Fn(&Machine) -> bool, test: impl Fn(&Machine) + Sync) {
    assert!(table().any(|machine| which(&machine)), "no machine");
    // None, where those that can be done without are not there: these are skipped already.
    let chosen: Vec<_> = machines().filter(which).collect();
    thread::scope(|scope| {
        for machine in &chosen {
            match machine.here() {
                Ok(()) => drop(apart::beside(scope, || test(machine))),
                Err(missing) => require::skip(&missing),
            }
        }
    });
}

/// Runs a test on the kernels of `tests/kernels.txt`, side by side. One that is not here is skipped
/// aloud.
pub fn on_kernels(test: impl Fn(&Machine) + Sync) {
    let lines = include_str!("../kernels.txt").lines().filter(|line| !line.starts_with('#'));
    let mut kernels = Vec::new();
    for line in lines {
        let (suite, version) = line.split_once(' ').expect(line);
        let mut machine = table().find(|machine| machine.rust == "x86_64").unwrap();
        machine.kernel = cache().join("kernels").join(suite).join("vmlinuz");
        if let Err(missing) = machine.here() {
            require::say(&format!("the kernel of {suite}"), &missing);
            continue;
        }
        let (release, version) = (machine.version(), parse(version.trim()));
        if suite == "sid" {
            assert!(release >= version, "{suite}: {release:?}");
        } else {
            assert_eq!(release, version, "{suite}");
        }
        kernels.push(machine);
    }
    if kernels.is_empty() {
        require::skip("a kernel of tests/kernels.txt");
    }
    thread::scope(|scope| {
        for machine in &kernels {
            drop(apart::beside(scope, || test(machine)));
        }
    });
}

/// The first two numbers of a release.
fn parse(release: &str) -> [u32; 2] {
    let mut numbers = release.split(|byte: char| !byte.is_ascii_digit());
    [(); 2].map(|()| numbers.next().and_then(|number| number.parse().ok()).expect(release))
}

impl Machine {
    /// The first two numbers of its kernel's release, which stands in the file of a kernel for x86
    /// (Documentation/arch/x86/boot.rst, `kernel_version`).
    fn version(&self) -> [u32; 2] {
        let file = fs::read(&self.kernel).unwrap();
        let place = usize::from(u16::from_le_bytes([file[0x20e], file[0x20f]])) + 0x200;
        let release = CStr::from_bytes_until_nul(&file[place..]).unwrap();
        parse(release.to_str().unwrap())
    }

    /// Whether it can run here.
    fn here(&self) -> Result<(), String> {
        self.prepared()?;
        cross::newuts(self.rust).map(drop)
    }

    /// Whether what `tests/setup` prepares is here.
    fn prepared(&self) -> Result<(), String> {
        require::tool(self.emulator[0])?;
        require::tool("timeout")?;
        for path in [self.kernel.clone(), self.file("busybox"), self.file("strace")] {
            if !path.exists() {
                return Err(format!("{}: tests/setup", path.display()));
            }
        }
        cross::compiler(self.rust).map(drop)
    }

    /// A file that `tests/setup` unpacked for this machine.
    fn file(&self, name: &str) -> PathBuf {
        cache().join(self.rust).join(name)
    }

    /// Those of the cases that are tried on it: all of them, or the first.
    pub fn cases<'a, T>(&self, cases: &'a [T]) -> &'a [T] {
        if self.all { cases } else { &cases[..1] }
    }

    /// Whether a long has 32 bits, so that there is an older call beside many.
    pub fn is_short(&self) -> bool {
        self.call("mmap") != "mmap"
    }

    /// The name that a call has in this machine's kernel.
    pub fn call(&self, name: &'static str) -> &'static str {
        let newer = self.newer.iter().find(|newer| {
            let rest = newer.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        });
        newer.unwrap_or(&name)
    }

    /// An archive with the program at `path`.
    pub fn newuts(&self, path: &str) -> Initramfs {
        let newuts = fs::read(cross::newuts(self.rust).unwrap()).unwrap();
        Initramfs::default().program(path, &newuts)
    }

    /// An archive with the program at `/newuts`, and a script at `/run`, for which everything is
    /// as on a small system: commands, `/proc`, `/dev`, and an ordinary user.
    pub fn scripted(&self, commands: &str) -> Initramfs {
        let busybox = fs::read(self.file("busybox")).unwrap();
        let archive = self.newuts("newuts").program("busybox", &busybox);
        let archive = archive.folder("bin").folder("proc").folder("etc");
        let archive = archive.file("etc/passwd", "user:x:1000:1000::/:/bin/sh\n");
        archive.script("run", &format!("{PREPARE}{commands}"))
    }

    /// The same with strace.
    pub fn scripted_with_strace(&self, commands: &str) -> Initramfs {
        self.scripted(commands).tree(&self.file("strace"))
    }

    /// Boots it, and waits until it is switched off. `words` are the end of the kernel's command
    /// line. Gives what was written to the console, without the kernel's own messages.
    #[track_caller]
    pub fn boot(&self, archive: Initramfs, words: &str) -> String {
        self.start(archive, words, &[]).finish().programs
    }

    /// Whether Ctrl-Alt-Del can be pressed.
    pub fn has_delete(&self) -> bool {
        self.delete.is_some()
    }

    /// [`Machine::boot`]; when the console has shown all of `shown`, Ctrl-Alt-Del is pressed.
    #[track_caller]
    pub fn boot_and_delete(&self, archive: Initramfs, words: &str, shown: &[&str]) -> String {
        let folder = apart::folder();
        let socket = folder.path().join("monitor");
        let monitor = format!("unix:{},server=on,wait=off", socket.display());
        let boot = self.start(archive, words, &["-monitor", &monitor]);
        for line in shown {
            eventually(line, LIMIT, || boot.running.stdout().contains(line).then_some(()));
        }
        let mut monitor = UnixStream::connect(socket).unwrap();
        monitor.write_all(self.delete.unwrap().as_bytes()).unwrap();
        boot.finish().programs
    }

    /// Starts to boot it; with more options for the emulator.
    pub fn start(&self, archive: Initramfs, words: &str, options: &[&str]) -> Boot {
        let slot = slot();
        let folder = apart::folder();
        let initrd = folder.path().join("initrd");
        fs::write(&initrd, archive.finish()).unwrap();
        let append = format!("console={} {KERNEL} {words}", self.console);
        // Even if the test itself is killed, the machine ends some day.
        let mut emulator = command("timeout");
        emulator.arg(LIMIT.as_secs().to_string()).args(&self.emulator);
        emulator.args(["-accel", "tcg", "-nodefaults", "-display", "none"]).args(OWN_TIME);
        emulator.args(["-serial", "stdio", "-no-reboot", "-append", &append]).args(options);
        emulator.arg("-kernel").arg(&self.kernel).arg("-initrd").arg(initrd);
        let (firmware, farewell) = (self.firmware.clone(), self.farewell);
        Boot { running: emulator.start(), firmware, farewell, _folder: folder, _slot: slot }
    }
}

/// The right to run one machine: each fills a core, so there are as many as a small computer has
/// cores.
fn slot() -> MutexGuard<'static, ()> {
    static SLOTS: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];
    loop {
        for slot in &SLOTS {
            match slot.try_lock() {
                Ok(slot) => return slot,
                Err(TryLockError::Poisoned(slot)) => return slot.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A machine that runs.
pub struct Boot {
    /// The emulator.
    pub running: Running,
    firmware: Option<Regex>,
    farewell: bool,
    _folder: TempDir,
    _slot: MutexGuard<'static, ()>,
}

impl Boot {
    /// Waits until the machine is switched off, and asserts that it was by its own will: the
    /// emulator ends in the same way when the kernel panics.
    #[track_caller]
    pub fn finish(self) -> Console {
        let run = self.running.finish_within(LIMIT);
        let console = run.stdout.replace("\r\n", "\n");
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{console}");
        let console = match self.firmware {
            Some(firmware) => {
                assert!(firmware.is_match(&console), "{console}");
                firmware.replace(&console, "").into_owned()
            }
            None => console,
        };
        // The last message may come in the middle of a program's line.
        let torn = Regex::new(r"(?m)(.)(\[ *\d+\.\d{6}\] )").unwrap();
        let console = torn.replace_all(&console, "$1\n$2").into_owned();
        let message = Regex::new(r"^\[ *\d+\.\d{6}\] ").unwrap();
        let (kernel, programs): (Vec<_>, Vec<_>) =
            console.split_inclusive('\n').partition(|line| message.is_match(line));
        let last = kernel.last().copied().unwrap_or_default().trim_end();
        assert_eq!(last.ends_with(POWER_DOWN), self.farewell, "{console}");
        for panic in ["Kernel panic", "exitcode=0x"] {
            assert!(!console.contains(panic), "{console}");
        }
        Console { programs: programs.concat(), kernel: kernel.concat() }
    }
}

/// What was written to the console.
pub struct Console {
    pub programs: String,
    pub kernel: String,
}
