// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program as process 1 of a machine: a real kernel boots it in an emulator, on every CPU of
//! `tests/machines.txt`, and in the end the machine is switched off and no kernel has panicked.

use cpio::newc::Reader;
use regex::Regex;

use crate::support::hint::{FOR_ROOT, NO_MORE_UTS, NOT_THIS_USER, ROOT_ONLY};
use crate::support::initramfs::Initramfs;
use crate::support::machine::{Machine, on_each, on_kernels, on_the_usual, on_those};
use crate::support::run::transcript;
use crate::support::trace::{Log, same, sorted};

/// A demonstration with time for everything.
const SHORT: &str = "--delay=0.5 --hold=1 bizarro";

/// What it prints. A machine that nobody named is called `(none)`.
const FOUR_LINES: &str = "clone() returned PID
uts.nodename in child: bizarro
uts.nodename in parent: (none)
child has terminated
";

/// In a script: `child LOG` gives the process id of the child of a demonstration that writes
/// there, as soon as child and parent have said all that they say before they wait.
const CHILD: &str = "
child() {
    until grep -qs child: $1 && grep -q parent: $1; do sleep 0.1; done
    sed -n 's/clone() returned //p' $1
}
";

/// Boots the program as /init, with these words.
#[track_caller]
fn init(machine: &Machine, words: &str) -> String {
    machine.boot(machine.newuts("init"), &format!("-- {words}"))
}

/// Boots the program, which hands process 1 to a script, under the host name `outer`.
#[track_caller]
fn script(machine: &Machine, commands: &str) -> String {
    let commands = format!("{CHILD}{commands}\npoweroff -f\n");
    machine.boot(machine.scripted(&commands), "rdinit=/newuts -- outer /run")
}

/// Boots a script, which hands process 1 to the program in its last line.
#[track_caller]
fn from_script(machine: &Machine, commands: &str) -> String {
    machine.boot(machine.scripted(&format!("{CHILD}{commands}")), "rdinit=/run")
}

/// On the other CPUs it is what the trace shows, below.
#[test]
fn the_demonstration_as_init() {
    on_the_usual(|machine| assert_eq!(transcript(&init(machine, SHORT)).1, FOUR_LINES));
}

#[test]
fn the_demonstration_by_rdinit() {
    on_the_usual(|machine| {
        let console = machine.boot(machine.newuts("newuts"), &format!("rdinit=/newuts -- {SHORT}"));
        assert_eq!(transcript(&console).1, FOUR_LINES);
    });
}

#[test]
fn no_name_is_the_usage_and_power_off() {
    on_the_usual(|machine| {
        assert_eq!(
            init(machine, ""),
            "Usage: /init <child-hostname>\nTry 'newuts --help' for more information.\n"
        );
    });
}

#[test]
fn an_unknown_option_is_power_off() {
    on_the_usual(|machine| {
        assert_eq!(
            init(machine, "--bogus bizarro"),
            "newuts: unrecognized option '--bogus'\nTry 'newuts --help' for more information.\n"
        );
    });
}

#[test]
fn a_name_that_is_too_long_is_power_off() {
    on_the_usual(|machine| {
        let console = init(machine, &format!("--delay=0.5 {}", "x".repeat(65)));
        // The child's two lines, between which the parent may have written.
        assert!(console.contains("sethostname: ") && console.contains("hint: "), "{console}");
        let console = console.replace("sethostname: Invalid argument\n", "");
        let console = console.replace("newuts: hint: a host name has at most 64 bytes\n", "");
        let expected = FOUR_LINES.replace("uts.nodename in child: bizarro\n", "");
        assert_eq!(transcript(&console).1, expected);
    });
}

#[test]
fn a_call_that_fails_is_power_off() {
    on_the_usual(|machine| {
        assert_eq!(init(machine, "--join 2147483647"), "pidfd_open: No such process\n");
        let console =
            from_script(machine, "echo 0 >/proc/sys/user/max_uts_namespaces\nexec /newuts bizarro");
        assert_eq!(console, format!("clone: No space left on device\n{NO_MORE_UTS}"));
    });
}

#[test]
fn a_command_that_is_not_there_is_power_off() {
    on_the_usual(|machine| {
        assert_eq!(
            init(machine, "bizarro frobnicate"),
            "newuts: frobnicate: No such file or directory\n"
        );
    });
}

/// The kernel opens the three descriptors, if it can; here it finds something else.
fn no_console(machine: &Machine, archive: Initramfs, words: &str) -> String {
    let console = machine.start(archive, words, &[]).finish();
    assert!(console.kernel.contains("unable to open an initial console"), "{}", console.kernel);
    console.programs
}

#[test]
fn without_a_console_it_says_nothing_and_powers_off() {
    on_each(|machine| {
        let dangling = machine.newuts("init").link("dev/console", "nowhere");
        assert_eq!(no_console(machine, dangling, &format!("-- {SHORT}")), "");
        if machine.all {
            let folder = machine.newuts("init").folder("dev/console");
            assert_eq!(no_console(machine, folder, "--"), "");
        }
    });
}

#[test]
fn without_a_console_it_goes_on() {
    on_each(|machine| {
        let archive = machine.scripted("hostname >/dev/console\npoweroff -f\n");
        let archive = archive.link("dev/console", "nowhere");
        let console = no_console(machine, archive, "rdinit=/newuts -- bizarro /run");
        assert_eq!(console, "bizarro\n");
    });
}

#[test]
fn closed_descriptors_become_the_console() {
    on_the_usual(|machine| {
        let console = from_script(machine, &format!("exec /newuts {SHORT} <&- >&- 2>&-"));
        assert_eq!(transcript(&console).1, FOUR_LINES);
    });
}

#[test]
fn process_1_is_handed_to_a_command() {
    on_each(|machine| {
        // A name without a slash, and no PATH in the kernel's environment.
        let commands = "echo process $$ is called $(hostname): $*\npoweroff -f\n";
        let archive = machine.scripted(commands).folder("sbin").link("sbin/handed", "/run");
        let console = machine.boot(archive, "rdinit=/newuts -- bizarro handed -x --hold=5");
        assert_eq!(console, "process 1 is called bizarro: -x --hold=5\n");
    });
}

#[test]
fn trace_shows_the_calls_of_process_1() {
    on_each(|machine| {
        let console = init(machine, &format!("--trace {SHORT}"));
        let (pid, parent, child) = traced(&console);
        let returned = format!("clone() returned {pid}\\n");
        // Those that stand for what is inherited.
        let (inherited, parent): (Vec<_>, Vec<_>) = parent.into_iter().partition(|call| {
            call.starts_with("rt_sigprocmask(") || call.starts_with("rt_sigaction(SIGCHLD, ")
        });
        assert!((1..=2).contains(&inherited.len()), "{inherited:?}");
        assert_eq!(
            parent[..16],
            [
                "getpid() = 1",
                "reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF) = 0",
                &format!("{}(0, F_GETFD) = 0", machine.call("fcntl")),
                &format!("{}(1, F_GETFD) = 0", machine.call("fcntl")),
                &format!("{}(2, F_GETFD) = 0", machine.call("fcntl")),
                "rt_sigaction(SIGTERM, {sa_handler=ADDR, sa_mask=[], FLAGS}, NULL, 8) = 0",
                "rt_sigaction(SIGINT, {sa_handler=ADDR, sa_mask=[], FLAGS}, NULL, 8) = 0",
                "rt_sigaction(SIGHUP, {sa_handler=ADDR, sa_mask=[], FLAGS}, NULL, 8) = 0",
                "rt_sigaction(SIGQUIT, {sa_handler=ADDR, sa_mask=[], FLAGS}, NULL, 8) = 0",
                &format!(
                    "{}(NULL, 1048576, PROT_READ|PROT_WRITE, \
                     MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0) = ADDR",
                    machine.call("mmap")
                ),
                &format!("mprotect(ADDR, {}, PROT_NONE) = 0", machine.pages[0]),
                &format!("clone(child_stack=ADDR, flags=CLONE_NEWUTS|SIGCHLD) = {pid}"),
                &written(&returned),
                "nanosleep({tv_sec=0, tv_nsec=500000000}, ADDR) = 0",
                "uname({sysname=\"Linux\", nodename=\"(none)\", ...}) = 0",
                &written("uts.nodename in parent: (none)\\n"),
            ]
        );
        // For its child, or for any.
        let wait = format!("[{{WIFEXITED(s) && WEXITSTATUS(s) == 0}}], 0, NULL) = {pid}");
        assert!(parent[16].starts_with("wait4(") && parent[16].ends_with(&wait), "{}", parent[16]);
        assert_eq!(parent[17..19], [written("child has terminated\\n"), "sync() = 0".to_owned()]);
        let power_off = "reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, \
                         LINUX_REBOOT_CMD_POWER_OFF) = ?";
        assert!(console.contains(power_off), "{console}");
        assert_eq!(
            child,
            [
                "sethostname(\"bizarro\", 7) = 0",
                "uname({sysname=\"Linux\", nodename=\"bizarro\", ...}) = 0",
                &written("uts.nodename in child: bizarro\\n"),
                "nanosleep({tv_sec=1, tv_nsec=0}, ADDR) = 0",
                "exit(0) = ?",
            ]
        );
    });
}

/// A line's write.
fn written(line: &str) -> String {
    let length = line.len() - 1; // the newline is shown as two
    format!("write(1, \"{line}\", {length}) = {length}")
}

/// The child's process id, and the calls of process 1 and of the child, with every address as
/// `ADDR` and the flags of a handler, in which the CPUs differ, as `FLAGS`.
#[track_caller]
fn traced(console: &str) -> (String, Vec<String>, Vec<String>) {
    let pid = transcript(&untraced(console)).0.to_string();
    let flags = Regex::new("sa_flags=(0|SA_RESTORER, sa_restorer=NULL)").unwrap();
    let address = Regex::new("0x[0-9a-f]{6,}").unwrap();
    let calls = |pid: &str| {
        let own = console.lines().filter_map(|line| line.strip_prefix(&format!("{pid:<5} ")));
        let own = own.map(|call| flags.replace(call, "FLAGS"));
        own.map(|call| address.replace_all(&call, "ADDR").into_owned()).collect()
    };
    let (parent, child) = (calls("1"), calls(&pid));
    (pid, parent, child)
}

/// What was printed besides the trace.
fn untraced(console: &str) -> String {
    let lines = console.split_inclusive('\n');
    lines.filter(|line| !line.starts_with(|first: char| first.is_ascii_digit())).collect()
}

/// Runs under strace, beside whose log is what the program itself shows.
const BOTH: &str = "
both() {
    /bin/strace -f -a1 -o /log /newuts --trace \"$@\" >/out 2>/trace
    for file in log trace; do echo --- $file; cat /$file; done
}
";

#[test]
fn trace_is_what_strace_shows_on_this_cpu() {
    on_each(|machine| {
        let commands = format!(
            "{BOTH}
            both --delay=0.5 --hold=1.5 bizarro
            both --domainname foo.org bizarro true
            both --join 1 hostname
            both --join 2147483647
            both --user --delay=0.5 --hold=1.5 bizarro
            echo 0 >/proc/sys/user/max_uts_namespaces
            both bizarro
            poweroff -f
            "
        );
        let archive = machine.scripted_with_strace(&commands);
        let console = machine.boot(archive, "rdinit=/newuts -- outer /run");
        let mut runs = console.split("--- log\n").skip(1);
        for seen in [
            "exit_group(0) = ?",
            "setdomainname(\"foo.org\", 7) = 0",
            "setns(3, CLONE_NEWUTS) = 0",
            "pidfd_open(2147483647, 0) = -1 ESRCH (No such process)",
            "flags=CLONE_NEWUTS|CLONE_NEWUSER|SIGCHLD) = ",
            "flags=CLONE_NEWUTS|SIGCHLD) = -1 ENOSPC (No space left on device)",
        ] {
            let (log, trace) = runs.next().expect(&console).split_once("--- trace\n").unwrap();
            let expected = Log::parse(log).lines(&[]);
            assert!(expected.contains(seen), "{seen}: {expected}");
            same(&sorted(trace).0, &expected, machine.rust);
        }
        assert_eq!(runs.next(), None);
    });
}

/// Where a long has 32 bits, a kernel may be without the calls whose seconds end in 2038
/// (`CONFIG_COMPAT_32BIT_TIME`), as strace makes this one be; and not all times fit.
#[test]
fn times_are_as_long_as_elsewhere() {
    on_those(Machine::is_short, |machine| {
        let commands = "
            sleeps() {
                faults=$1
                shift
                /bin/strace -f -o /log $faults /newuts --trace \"$@\" x 2>/trace >/out
                echo $?
                sed -n 's/.* \\(nanosleep([^}]*}\\).*) =/\\1 =/p' /trace | sort
                sed -n 's/.* \\(clock_[^}]*}\\).*) =/\\1 =/p' /trace | sort
            }
            slept=--inject=nanosleep:retval=0
            none=--inject=nanosleep:error=ENOSYS
            sleeps '' --delay=0.2 --hold=0.7
            sleeps $slept --delay=0 --hold=9999999999.5
            sleeps $slept --delay=0 --hold=forever
            sleeps $none --delay=0.2 --hold=0.7
            sleeps \"$none --inject=clock_nanosleep_time64:retval=0\" --delay=0 --hold=9999999999.5
            neither=--inject=nanosleep,clock_nanosleep_time64:error=ENOSYS
            /bin/strace -f -o /log $neither /newuts --hold=0 x 2>/error >/out
            echo $?
            sed '/^strace: /d' /error | sort -u
            for calls in rt_sigtimedwait rt_sigtimedwait,rt_sigtimedwait_time64; do
                fault=--inject=$calls:error=ENOSYS
                /bin/strace -f -o /log $fault /newuts --fork x sh -c 'exit 5' 2>&1
                echo $?
            done
            poweroff -f
        ";
        let archive = machine.scripted_with_strace(commands);
        let console = machine.boot(archive, "rdinit=/newuts -- outer /run");
        let old = |seconds: &str, result: &str| format!("nanosleep({{{seconds}}} = {result}\n");
        let new = |seconds: &str, result: &str| {
            format!("clock_nanosleep_time64(CLOCK_MONOTONIC, 0, {{{seconds}}} = {result}\n")
        };
        let none = "-1 ENOSYS (Function not implemented)";
        let (delay, hold) = ("tv_sec=0, tv_nsec=200000000", "tv_sec=0, tv_nsec=700000000");
        let (zero, longest) = ("tv_sec=0, tv_nsec=0", "tv_sec=2147483647, tv_nsec=");
        let expected = [
            ["0\n", &old(delay, "0"), &old(hold, "0")].concat(),
            ["0\n", &old(zero, "0"), &old(&format!("{longest}500000000"), "0")].concat(),
            ["0\n", &old(zero, "0"), &old(&format!("{longest}0"), "0")].concat(),
            ["0\n", &old(delay, none), &old(hold, none), &new(delay, "0"), &new(hold, "0")]
                .concat(),
            [
                "0\n",
                &old(zero, none),
                &old(&format!("{longest}500000000"), none),
                &new(zero, "0"),
                &new("tv_sec=9999999999, tv_nsec=500000000", "0"),
            ]
            .concat(),
            "1\nclock_nanosleep_time64: Function not implemented\n".to_owned(),
            "5\nrt_sigtimedwait_time64: Function not implemented\n125\n".to_owned(),
        ];
        assert_eq!(console, expected.concat());
    });
}

#[test]
fn trace_shows_the_registers_of_this_cpu() {
    on_each(|machine| {
        let console = init(machine, &format!("--trace=regs {SHORT}"));
        let (pid, four_lines) = transcript(&untraced(&console));
        assert_eq!(four_lines, FOUR_LINES);
        let line = |name: &str, values: &[&str]| {
            let pairs = machine.registers.iter().zip(values);
            let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
            let pairs = pairs.join(" ");
            Regex::new(&format!(r"(?m)^(\d+) +{name} {pairs} => (0x[0-9a-f]+)$")).unwrap()
        };
        // It returns twice: with the child's process id, and with 0.
        let words = machine.clone.iter().map(|word| match *word {
            "flags" => "0x4000011",
            "stack" => "(0x[0-9a-f]+000)",
            number => number,
        });
        let clone = line("clone", &words.chain(["0x0"; 3]).collect::<Vec<_>>());
        let returns = clone.captures_iter(&console).map(|found| found.extract().1);
        let mut returns: Vec<[&str; 3]> = returns.collect();
        returns.sort_unstable();
        let stack = returns.first().expect(&console)[1];
        let (child, result) = (pid.to_string(), format!("{pid:#x}"));
        assert_eq!(returns, [["1", stack, &result], [&child, stack, "0x0"]]);
        let (any, minus_1) = ("0x[0-9a-f]+", "0xf{8}(?:f{8})?");
        let six = [any, "0x0", "0x100000", "0x3", "0x20022", minus_1, "0x0"];
        let values = if machine.mmap == 6 { &six[..] } else { &[any, any] };
        assert!(line(machine.call("mmap"), values).is_match(&console), "{console}");
    });
}

/// The promises that were skipped, if all others were kept.
#[track_caller]
fn skipped(console: &str) -> Vec<&str> {
    let mut lines = console.lines();
    assert_eq!(lines.next(), Some("KTAP version 1"), "{console}");
    let plan: usize =
        lines.next().and_then(|plan| plan.strip_prefix("1..")).unwrap().parse().unwrap();
    assert!(plan >= 70);
    let promises: Vec<_> = (1..)
        .zip(lines)
        .map(|(number, line)| match line.strip_prefix(&format!("ok {number} ")) {
            None if line.starts_with("# Totals: ") => line,
            promise => promise.expect(console),
        })
        .collect();
    let (totals, promises) = promises.split_last().unwrap();
    assert!(totals.starts_with("# Totals: "), "{console}");
    assert_eq!(promises.len(), plan, "{console}");
    promises.iter().copied().filter(|promise| promise.contains(" # SKIP ")).collect()
}

#[test]
fn the_kernel_keeps_its_promises() {
    on_each(|machine| {
        // The one file in there is the program: it mounts a /proc of its own.
        let console = init(machine, "--check");
        assert!(skipped(&console).is_empty());
        if !machine.all {
            return;
        }
        // As process 1 beside a /proc, and as another.
        assert!(skipped(&from_script(machine, "exec /newuts --check")).is_empty());
        let console =
            script(machine, "/newuts --check; echo $?; hostname; cat /proc/sys/kernel/domainname");
        let (console, rest) = console.split_once("\n0\n").expect(&console);
        assert!(skipped(console).is_empty());
        assert_eq!(rest, "outer\n(none)\n");
    });
}

/// No promise is younger than the oldest of them.
#[test]
fn older_and_newer_kernels_keep_their_promises() {
    on_kernels(|machine| assert!(skipped(&init(machine, "--check")).is_empty()));
}

#[test]
fn a_command_and_the_demonstration_without_privilege() {
    on_each(|machine| {
        let console = script(
            machine,
            &format!(
                "su user -c '
                    for option in --user -c -r; do
                        /newuts $option inner sh -c \"hostname; id -u; id -g\"
                    done
                    /newuts --user {SHORT}
                '"
            ),
        );
        let commands = "inner\n65534\n65534\ninner\n1000\n1000\ninner\n0\n0\n";
        let demonstration = console.strip_prefix(commands).expect(&console);
        assert_eq!(transcript(demonstration).1, FOUR_LINES.replace("(none)", "outer"));
    });
}

#[test]
fn why_a_user_is_refused() {
    on_the_usual(|machine| {
        let console = script(
            machine,
            "
            su user -c '/newuts x true; echo $?'
            echo 0 >/proc/sys/kernel/unprivileged_userns_clone
            su user -c '/newuts x true; echo $?'
            su user -c '/newuts --user x true; echo $?'
            # It is not for root, but for whoever is root in a user namespace only.
            /newuts --user inner hostname
            /newuts --map-root-user x /newuts --user x true; echo $?
            ",
        );
        assert_eq!(
            console,
            format!(
                "unshare: Operation not permitted\n{NOT_THIS_USER}125\n\
                 unshare: Operation not permitted\n{ROOT_ONLY}125\n\
                 unshare: Operation not permitted\n{FOR_ROOT}125\n\
                 inner\n\
                 unshare: Operation not permitted\n{FOR_ROOT}125\n"
            )
        );
    });
}

#[test]
fn a_child_is_joined() {
    on_each(|machine| {
        let console = script(
            machine,
            "
            /newuts --delay=0 --hold=forever bizarro >/log1 &
            /newuts --delay=0 --hold=forever --user unmapped >/log2 &
            one=$(child /log1)
            two=$(child /log2)
            /newuts --join /proc/$one/ns/uts sh -c 'hostname; hostname renamed'
            umount /proc
            /newuts --join $one | sed s/$one/PID/
            /newuts --join $one hostname
            /newuts --user --join $two sh -c 'hostname; id -u'
            hostname
            ",
        );
        assert_eq!(
            console,
            "bizarro\nuts.nodename in PID: renamed\nrenamed\nunmapped\n65534\nouter\n"
        );
    });
}

#[test]
fn the_file_is_loaded_at_a_random_address_and_never_writable() {
    on_each(|machine| {
        let console = script(
            machine,
            "
            for log in /log1 /log2 /log3 /log4; do
                /newuts --delay=0 --hold=forever bizarro >$log &
                grep newuts /proc/$(child $log)/maps | cut -d ' ' -f 1,2
            done
            ",
        );
        let maps = console.lines().map(|line| line.split_once(['-', ' ']).expect(&console));
        let (starts, rest): (Vec<_>, Vec<_>) = maps.unzip();
        let rights: Vec<_> = rest.iter().map(|rest| rest.split(' ').next_back().unwrap()).collect();
        assert_eq!(rights, ["r-xp"].repeat(4));
        // 32-bit CPUs have 256 places only (`CONFIG_ARCH_MMAP_RND_BITS`): two may well be the same.
        assert!(starts.iter().any(|start| *start != starts[0]), "{starts:?}");
    });
}

/// The lines before the signal, in the order of the alphabet, and the signals that are caught:
/// HUP, INT, QUIT and TERM.
const THREE_LINES: &str = "clone() returned PID
uts.nodename in child: bizarro
uts.nodename in parent: (none)
SigCgt:\t0000000000004007
";

#[test]
fn a_signal_to_process_1_powers_off() {
    on_each(|machine| {
        for signal in machine.cases(&["TERM", "INT"]) {
            let console = from_script(
                machine,
                &format!(
                    "
                    {{
                        pid=$(child /log)
                        sort /log | sed s/$pid/PID/
                        grep SigCgt /proc/1/status
                        kill -{signal} 1
                    }} &
                    exec /newuts --hold=forever --delay=0 bizarro >/log
                    "
                ),
            );
            assert_eq!(console, THREE_LINES, "{signal}");
        }
    });
}

#[test]
fn ctrl_alt_del_powers_off() {
    on_those(Machine::has_delete, |machine| {
        let words = "-- --hold=forever --delay=0.2 bizarro";
        let shown = ["uts.nodename in child: bizarro", "uts.nodename in parent: (none)"];
        let console = machine.boot_and_delete(machine.newuts("init"), words, &shown);
        assert_eq!(transcript(&console).1, FOUR_LINES.replace("child has terminated\n", ""));
    });
}

#[test]
fn the_archive_is_the_same_bytes_each_time() {
    let archive = || {
        let archive = Initramfs::default().program("init", b"\x7fELF").folder("dev");
        archive.link("dev/console", "nowhere").file("etc", "").finish()
    };
    assert_eq!(archive(), archive());
    let bytes = archive();
    let mut rest = bytes.as_slice();
    for (inode, mode, name, content) in [
        (1, 0o10_0755, "init", "\x7fELF"),
        (2, 0o4_0755, "dev", ""),
        (3, 0o12_0777, "dev/console", "nowhere"),
        (4, 0o10_0644, "etc", ""),
    ] {
        let reader = Reader::new(rest).unwrap();
        let entry = reader.entry();
        assert_eq!((entry.ino(), entry.mode(), entry.name()), (inode, mode, name));
        assert_eq!((entry.mtime(), entry.uid(), entry.gid(), entry.nlink()), (0, 0, 0, 1));
        let mut found = Vec::new();
        rest = reader.to_writer(&mut found).unwrap();
        assert_eq!(found, content.as_bytes());
    }
    assert!(Reader::new(rest).unwrap().entry().is_trailer());
}
