// SPDX-License-Identifier: MIT OR Apache-2.0
//! The container engines: Docker Engine, Podman and runc, each in a cell of its own. That is a
//! process with a PID, mount, network, IPC and UTS namespace, in which the engine and all of its
//! containers live: they see no network, they die with it, and where a container may call
//! reboot(2), it is the cell that ends and not the machine.

use std::io::{self, PipeWriter};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::{fs, thread};

use rustix::thread::{CapabilitySet, capability_is_in_bounding_set};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::run::{LIMIT, NEWUTS, Outcome, Running, Watched as _, command, eventually, no_fork};
use super::{apart, require};

/// Process 1 of a cell, with which goes what engines keep in places of their own choice. It ends
/// when nobody holds the other end of its standard input any more.
const CELL: &str = "for folder in /run /var/lib /dev/shm; do
    mount -t tmpfs own $folder || exit
done
echo ready
exec 3<&0
cat <&3 & wait";

/// A runtime that shows every reboot(2) of its containers. The tracer is nobody's parent (`-D`),
/// for the engine waits for the runtime and not for the container. Engines call it without PATH.
const TRACED: &str = "#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec strace -D -f -qq -e signal=none -e trace=reboot -o \"$0.$$.log\" runc \"$@\"
";

/// A seccomp profile that refuses CLONE_NEWUTS (0x4000000) and allows all else.
const FILTER: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{
    "names": ["clone", "unshare"], "action": "SCMP_ACT_ERRNO",
    "args": [{"index": 0, "value": 67108864, "valueTwo": 67108864, "op": "SCMP_CMP_MASKED_EQ"}]
}]}"#;

/// Podman's own limits are higher than a machine without CAP_SYS_RESOURCE has them.
const LIMITS: &str = "\
[containers]
default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]
";

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Docker,
    Podman,
    Runc,
}

/// How a container differs from the engine's default, which is as unprivileged as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// CAP_SYS_ADMIN.
    SysAdmin,
    /// CAP_SYS_BOOT.
    SysBoot,
    /// Every capability that can be had, and no seccomp filter.
    Privileged,
    /// No seccomp filter.
    Unconfined,
    /// A seccomp filter that refuses CLONE_NEWUTS.
    Filter,
    /// User and group 1000.
    Nobody,
    /// With [`With::Nobody`], what the profile `restricted` of Kubernetes's Pod Security Standards
    /// asks for: no capability, no new privilege, and the engine's own seccomp filter.
    Restricted,
    /// A root file system that cannot be written to.
    ReadOnly,
    /// A terminal, and with it /dev/console.
    Terminal,
    /// The process ids of the cell, where process 1 is somebody else.
    HostPids,
    /// strace, for [`Engine::reboots`].
    Traced,
}

/// An engine that runs, with two images: `newuts`, made by the Dockerfile, and `busybox`, which
/// adds a shell and tini(1) to it.
pub struct Engine {
    pub kind: Kind,
    /// What it writes is here, and not in the places where a real one has it.
    folder: TempDir,
    /// The cell's process 1, as it is called outside.
    cell: i32,
    /// The cell, and the engine's daemon if it has one.
    processes: Vec<Running>,
    /// Keeps the cell alive.
    alive: Option<PipeWriter>,
}

/// A container that is to be run.
pub struct Container {
    /// Its name, for [`Engine::signal`].
    pub name: String,
    pub command: Command,
    /// Whether it may be run once more.
    again: bool,
}

/// Those engines that can run here, one after the other; what the others lack is said aloud.
pub fn engines() -> impl Iterator<Item = Arc<Engine>> {
    [Kind::Docker, Kind::Podman, Kind::Runc].into_iter().filter_map(available)
}

/// The engines that build images.
pub fn builders() -> impl Iterator<Item = Arc<Engine>> {
    [Kind::Docker, Kind::Podman].into_iter().filter_map(available)
}

/// Podman.
pub fn podman() -> Option<Arc<Engine>> {
    available(Kind::Podman)
}

/// Docker Engine.
pub fn docker() -> Option<Arc<Engine>> {
    available(Kind::Docker)
}

fn available(kind: Kind) -> Option<Arc<Engine>> {
    // Seen where a test fails, and only there.
    println!("with {kind:?}");
    Engine::get(kind).map_err(|missing| require::skip(&missing)).ok()
}

impl Engine {
    /// The engine that other tests use right now, or a new one.
    fn get(kind: Kind) -> Result<Arc<Self>, String> {
        type Known = Mutex<Result<Weak<Engine>, String>>;
        static KNOWN: [Known; 3] = [const { Mutex::new(Ok(Weak::new())) }; 3];
        let mut known = KNOWN[kind as usize].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = known.clone()?.upgrade() {
            return Ok(engine);
        }
        // One that does not start is tried once more: a daemon waits for its parts for some seconds
        // only, which may be too few on a busy machine.
        let started = Self::start(kind).or_else(|_| Self::start(kind)).map(Arc::new);
        *known = started.as_ref().map(Arc::downgrade).map_err(String::clone);
        started
    }

    fn start(kind: Kind) -> Result<Self, String> {
        require::namespaces()?;
        let tools: &[&str] = match kind {
            Kind::Docker => &["docker", "dockerd", "containerd", "runc"],
            Kind::Podman => &["podman", "conmon", "runc"],
            Kind::Runc => &["runc"],
        };
        let others = ["unshare", "nsenter", "script", "strace", "busybox", "tini-static"];
        for tool in tools.iter().chain(&others) {
            require::tool(tool)?;
        }

        let (stdin, alive) = io::pipe().unwrap();
        let mut unshare = command("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        unshare.args(["--uts", "--ipc", "--net", "sh", "-c", CELL]).stdin(stdin);
        let cell = unshare.start();
        cell.until("ready");
        let children = format!("/proc/{0}/task/{0}/children", cell.pid());
        let process_1 = fs::read_to_string(children).unwrap().trim().parse().unwrap();
        let mut engine = Self {
            kind,
            folder: apart::folder_for_all(),
            cell: process_1,
            processes: vec![cell],
            alive: Some(alive),
        };
        fs::create_dir(engine.path("config")).unwrap();
        fs::write(engine.path("filter"), FILTER).unwrap();
        engine.write_program("traced", |path| fs::write(path, TRACED));
        if kind == Kind::Docker {
            engine.start_daemon()?;
        }
        engine.make_images();
        Ok(engine)
    }

    fn start_daemon(&mut self) -> Result<(), String> {
        let mut dockerd = self.inside("dockerd");
        dockerd.args(["--bridge=none", "--iptables=false", "--exec-root=/run/docker"]);
        dockerd.args(["--exec-opt=native.cgroupdriver=cgroupfs", "--pidfile=/run/docker.pid"]);
        dockerd.arg(format!("--data-root={}", self.path("data")));
        dockerd.arg(format!("--host=unix://{}", self.path("socket")));
        dockerd.arg(format!("--cgroup-parent={}", self.cgroup()));
        dockerd.arg(format!("--add-runtime=traced={}", self.path("traced")));
        let log = self.path("log");
        dockerd.stderr(fs::File::create(&log).unwrap());
        self.processes.push(dockerd.start());
        let mut client = self.client();
        client.arg("version");
        let daemon = self.processes.last_mut().unwrap();
        eventually("an answer of dockerd, or its end", LIMIT, || {
            let ended = daemon.ended();
            (ended || client.run().status == 0).then_some(!ended)
        })
        .then_some(())
        .ok_or_else(|| format!("a dockerd that starts: {}", fs::read_to_string(log).unwrap()))
    }

    /// A path in its folder.
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file that can be executed.
    fn write_program(&self, name: &str, write: impl FnOnce(&str) -> io::Result<()>) {
        let _lock = no_fork();
        let path = self.path(name);
        write(&path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The control group under which its containers have theirs.
    pub fn cgroup(&self) -> String {
        format!("/{}", self.folder.path().file_name().unwrap().to_str().unwrap())
    }

    /// A command that runs in the cell.
    fn inside(&self, program: &str) -> Command {
        let mut nsenter = command("nsenter");
        nsenter.arg(format!("--target={}", self.cell));
        nsenter.args(["--mount", "--pid", "--net", "--ipc", "--uts", program]);
        nsenter
    }

    /// The engine's own command.
    pub fn client(&self) -> Command {
        self.client_with("runc")
    }

    /// With this, the command `docker` is that of this Docker Engine.
    pub fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("DOCKER_HOST", format!("unix://{}", self.path("socket"))),
            // The builder that is part of the engine; nobody's settings.
            ("DOCKER_BUILDKIT", "0".to_owned()),
            ("DOCKER_CONFIG", self.path("config")),
        ]
    }

    /// Lets users use Docker Engine who are not root, as the group `docker` may elsewhere.
    pub fn let_users_in(&self) {
        fs::set_permissions(self.path("socket"), fs::Permissions::from_mode(0o666)).unwrap();
    }

    fn client_with(&self, runtime: &str) -> Command {
        match self.kind {
            Kind::Docker => {
                let mut docker = command("docker");
                docker.envs(self.environment());
                docker
            }
            Kind::Podman => {
                let mut podman = self.inside("podman");
                podman.args(["--root", &self.path("data"), "--runroot=/run/podman"]);
                podman.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs"]);
                podman.args(["--events-backend=none", "--runtime", runtime]);
                podman
            }
            Kind::Runc => self.inside(runtime),
        }
    }

    /// Makes the image by the Dockerfile, as the README says, and the second layer.
    fn make_images(&self) {
        let context = self.build_context();
        let second = self.path(if self.kind == Kind::Runc { "busybox" } else { "second" });
        fs::create_dir_all(format!("{second}/bin")).unwrap();
        let own = |name: &str, from: &str| {
            let _lock = no_fork();
            fs::copy(from, format!("{second}/{name}")).unwrap();
        };
        own("bin/busybox", "/bin/busybox");
        for applet in ["sh", "hostname", "touch"] {
            std::os::unix::fs::symlink("busybox", format!("{second}/bin/{applet}")).unwrap();
        }
        own("bin/tini", "/usr/bin/tini-static");
        if self.kind == Kind::Runc {
            own("newuts", NEWUTS);
            fs::create_dir(self.path("newuts")).unwrap();
            self.write_program("newuts/newuts", |path| fs::copy(NEWUTS, path).map(drop));
            return;
        }
        fs::write(format!("{second}/Dockerfile"), "FROM newuts\nCOPY bin /bin\n").unwrap();
        self.build("newuts", &context, &[]);
        self.build("busybox", &second, &[]);
    }

    /// A folder as the repository is after a build, with a few files of the many.
    pub fn build_context(&self) -> String {
        let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")), self.path("context"));
        let target = format!("{to}/target/release");
        fs::create_dir_all(&target).unwrap();
        for file in ["Dockerfile", ".dockerignore", "Cargo.toml", "LICENSE-MIT"] {
            fs::copy(from.join(file), format!("{to}/{file}")).unwrap();
        }
        fs::write(format!("{target}/newuts.d"), "").unwrap();
        fs::copy(NEWUTS, format!("{target}/newuts")).unwrap();
        to
    }

    /// Builds an image. It needs no network: there is none.
    #[track_caller]
    pub fn build(&self, image: &str, context: &str, options: &[&str]) {
        let run = self.client().args(["build", "--tag", image]).args(options).arg(context).run();
        assert_eq!(run.status, 0, "{run:?}");
    }

    /// Runs the pod that a file of Kubernetes describes until it ends, with Podman, and gives what its
    /// container said.
    #[track_caller]
    pub fn pod(&self, file: &str, container: &str) -> Outcome {
        assert_eq!(self.kind, Kind::Podman);
        let settings = self.path("containers.conf");
        fs::write(&settings, LIMITS).unwrap();
        let podman = |words: &[&str]| {
            let run = self.client().args(words).env("CONTAINERS_CONF", &settings).run();
            assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{words:?}: {run:?}");
            run.stdout
        };
        let made = podman(&["play", "kube", "--network=none", file]);
        let pod = made.lines().nth(1).expect("its id").to_owned();
        let status = podman(&["wait", container]).trim().parse().unwrap();
        let mut run = self.client().args(["logs", container]).run();
        run.status = status;
        podman(&["play", "kube", "--down", file]);
        // Some control groups of pods nobody else removes.
        for hierarchy in folders("/sys/fs/cgroup") {
            let parent = format!("{hierarchy}/libpod_parent");
            let own = format!("{parent}/{pod}");
            for folder in folders(&own).into_iter().chain([own, parent]) {
                let _ = fs::remove_dir(folder);
            }
        }
        run
    }

    /// The image's layers: what each holds.
    pub fn layers(&self, image: &str) -> Vec<Vec<String>> {
        let folder = self.path(&format!("{image}-layers"));
        fs::create_dir(&folder).unwrap();
        let archive = format!("{folder}.tar");
        let tar = |args: &[&str]| {
            let run = command("tar").arg("-C").arg(&folder).args(args).run();
            assert_eq!(run.status, 0, "{run:?}");
            run.stdout
        };
        let run = self.client().args(["save", "--output", &archive, image]).run();
        assert_eq!(run.status, 0, "{run:?}");
        tar(&["-xf", &archive]);
        let manifest = fs::read_to_string(format!("{folder}/manifest.json")).unwrap();
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        let layers = manifest[0]["Layers"].as_array().unwrap().iter().map(|layer| {
            let layer = format!("{folder}/{}", layer.as_str().unwrap());
            tar(&["-tf", &layer]).lines().map(str::to_owned).collect()
        });
        layers.collect()
    }

    /// A container of the image `newuts`, with these arguments.
    pub fn newuts(&self, with: &[With], args: &[&str]) -> Container {
        self.container(with, "newuts", None, args)
    }

    /// A container of the image `busybox`, which is `newuts` and more, with these arguments.
    pub fn busybox(&self, with: &[With], args: &[&str]) -> Container {
        self.container(with, "busybox", None, args)
    }

    /// A container of the image `busybox` that runs another program, tini(1) perhaps.
    pub fn other(&self, with: &[With], program: &str, args: &[&str]) -> Container {
        self.container(with, "busybox", Some(program), args)
    }

    /// A container of the image `busybox` that runs a script.
    pub fn shell(&self, with: &[With], script: &str) -> Container {
        self.other(with, "/bin/sh", &["-c", script])
    }

    fn container(
        &self,
        with: &[With],
        image: &str,
        entrypoint: Option<&str>,
        args: &[&str],
    ) -> Container {
        static CONTAINERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("container-{}", CONTAINERS.fetch_add(1, Ordering::Relaxed));
        let traced = self.path("traced");
        let runtime = if with.contains(&With::Traced) { &traced } else { "runc" };
        let mut command = self.client_with(runtime);
        if self.kind == Kind::Runc {
            let words = [&[entrypoint.unwrap_or("/newuts")], args].concat();
            let bundle = self.bundle(&name, with, image, &json!(words));
            command.args(["run", "--bundle", &bundle, &name]);
        } else {
            command.args(["run", "--rm", "--name", &name, "--network=none", "--hostname=antero"]);
            if self.kind == Kind::Podman {
                // Its own limits are higher than a machine without CAP_SYS_RESOURCE has them.
                command.args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]);
                command.arg(format!("--cgroup-parent={}", self.cgroup()));
                command.arg("--cgroups=no-conmon");
            }
            for with in with {
                command.args(self.options(*with));
            }
            if let Some(entrypoint) = entrypoint {
                command.args(["--entrypoint", entrypoint]);
            }
            command.arg(image).args(args);
        }
        if with.contains(&With::Terminal) {
            command = in_a_terminal(&command);
        }
        let again = self.kind != Kind::Runc && !with.contains(&With::Traced);
        Container { name, command, again }
    }

    /// The options of Docker and of Podman.
    fn options(&self, with: With) -> Vec<String> {
        let options: &[&str] = match with {
            With::SysAdmin => &["--cap-add=SYS_ADMIN"],
            With::SysBoot => &["--cap-add=SYS_BOOT"],
            With::Privileged if self.kind == Kind::Docker && !may_all() => {
                &["--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=seccomp=unconfined"]
            }
            With::Privileged => &["--privileged"],
            With::Unconfined => &["--security-opt=seccomp=unconfined"],
            With::Filter => &[&format!("--security-opt=seccomp={}", self.path("filter"))],
            With::Nobody => &["--user=1000:1000"],
            With::Restricted => &["--cap-drop=ALL", "--security-opt=no-new-privileges"],
            With::ReadOnly => &["--read-only"],
            With::Terminal => &["--interactive", "--tty"],
            With::HostPids => &["--pid=host"],
            With::Traced if self.kind == Kind::Docker => &["--runtime=traced"],
            With::Traced => &[],
        };
        options.iter().map(|option| (*option).to_owned()).collect()
    }

    /// A bundle for runc: what `runc spec` makes, changed where it must be.
    fn bundle(&self, name: &str, with: &[With], image: &str, words: &Value) -> String {
        let bundle = self.path(name);
        fs::create_dir(&bundle).unwrap();
        let spec = self.client().args(["spec", "--bundle", &bundle]).run();
        assert_eq!(spec.status, 0, "{spec:?}");
        let path = format!("{bundle}/config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config["process"]["args"] = words.clone();
        config["process"]["terminal"] = json!(with.contains(&With::Terminal));
        config["root"] =
            json!({"path": self.path(image), "readonly": with.contains(&With::ReadOnly)});
        config["hostname"] = json!("antero");
        config["linux"]["cgroupsPath"] = json!(format!("{}/{name}", self.cgroup()));
        let mut add = |capability| {
            for set in ["bounding", "effective", "permitted"] {
                let set = config["process"]["capabilities"][set].as_array_mut().unwrap();
                set.push(json!(capability));
            }
        };
        if with.contains(&With::SysAdmin) || with.contains(&With::Privileged) {
            add("CAP_SYS_ADMIN");
        }
        if with.contains(&With::SysBoot) || with.contains(&With::Privileged) {
            add("CAP_SYS_BOOT");
        }
        if with.contains(&With::Filter) {
            config["linux"]["seccomp"] = serde_json::from_str(FILTER).unwrap();
        }
        if with.contains(&With::Nobody) {
            config["process"]["user"] = json!({"uid": 1000, "gid": 1000});
        }
        if with.contains(&With::HostPids) {
            let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
            namespaces.retain(|namespace| namespace["type"] != "pid");
        }
        fs::write(path, config.to_string()).unwrap();
        bundle
    }

    /// Sends a signal to a container's process 1.
    #[track_caller]
    pub fn signal(&self, container: &str, signal: &str) {
        let mut client = self.client();
        match self.kind {
            Kind::Runc => client.args(["kill", container, signal]),
            Kind::Docker | Kind::Podman => client.args(["kill", "--signal", signal, container]),
        };
        let run = client.run();
        assert_eq!(run.status, 0, "{run:?}");
    }

    /// Stops a container: SIGTERM, and after a grace SIGKILL. (runc has only the first.) The grace
    /// is more than the usual ten seconds: who does not stop is told by the status, and not by the
    /// time.
    #[track_caller]
    pub fn stop(&self, container: &str) {
        if self.kind == Kind::Runc {
            return self.signal(container, "TERM");
        }
        let run = self.client().args(["stop", "--time=100", container]).run();
        assert_eq!(run.status, 0, "{run:?}");
    }

    /// What every [`With::Traced`] container since the last time got for its reboot(2) calls, as
    /// strace shows them.
    pub fn reboots(&self) -> Vec<String> {
        let mut reboots = Vec::new();
        for file in fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "log") {
                let log = fs::read_to_string(&file).unwrap();
                let calls = log.lines().filter_map(|line| Some(line.split_once("reboot(")?.1));
                reboots.extend(calls.map(str::to_owned));
                fs::remove_file(file).unwrap();
            }
        }
        reboots
    }
}

impl Container {
    /// Runs it to its end. What a container says that ends at once an engine may lose (moby/moby
    /// 20951, seen here in one of some thousand): where nothing at all was said, it is run once more.
    #[track_caller]
    pub fn run(mut self) -> Outcome {
        let run = self.command.run();
        let is_silent = run.stdout.is_empty() && run.stderr.is_empty();
        if is_silent && self.again { self.command.run() } else { run }
    }
}

impl Drop for Engine {
    /// Ends the cell and all that is in it, and asserts that nothing stays behind.
    fn drop(&mut self) {
        drop(self.alive.take());
        for process in self.processes.drain(..) {
            // A second panic would be the end of all tests.
            if !thread::panicking() {
                process.finish();
            }
        }
        let cgroup = self.cgroup();
        for hierarchy in ["/sys/fs/cgroup".into()].into_iter().chain(folders("/sys/fs/cgroup")) {
            let own = format!("{hierarchy}{cgroup}");
            // A process that was killed is in its control group for a moment more.
            eventually("an empty control group", LIMIT, || {
                for container in folders(&own) {
                    let _ = fs::remove_dir(container);
                }
                let _ = fs::remove_dir(&own);
                (!Path::new(&own).exists()).then_some(())
            });
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&self.path("")), "{mounts}");
        fs::remove_dir_all(self.folder.path()).unwrap();
    }
}

/// The folders in a folder, if there is one.
fn folders(path: &str) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|folder| folder.path().to_str().unwrap().to_owned()).collect()
}

/// Whether this machine has all that Docker gives to a privileged container.
fn may_all() -> bool {
    capability_is_in_bounding_set(CapabilitySet::SYS_RESOURCE).unwrap()
}

/// The same command with a terminal of its own, into which its standard input is typed.
fn in_a_terminal(inner: &Command) -> Command {
    let words = std::iter::once(inner.get_program()).chain(inner.get_args());
    let words = words.map(|word| format!("'{}'", word.to_str().unwrap()));
    let mut script = command("script");
    script.args(["--quiet", "--return", "--command", &words.collect::<Vec<_>>().join(" ")]);
    script.arg("/dev/null").env("SHELL", "/bin/sh");
    script.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script
}
