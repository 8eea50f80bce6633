// SPDX-License-Identifier: MIT OR Apache-2.0
//! The archive from which a kernel fills its first file system: the same bytes for the same
//! content, whoever makes it, and when.

use std::fs::{self, DirEntry};
use std::io::Write as _;
use std::path::Path;

use cpio::newc::{Builder, ModeFileType, trailer};

/// An archive in the format `newc` (the kernel's "initramfs buffer format").
#[derive(Default)]
pub struct Initramfs {
    bytes: Vec<u8>,
    entries: u32,
}

impl Initramfs {
    /// Adds a file that may be executed.
    pub fn program(self, path: &str, content: &[u8]) -> Self {
        self.entry(path, ModeFileType::Regular, 0o755, content)
    }

    /// Adds a script for busybox, which is at `/busybox`.
    pub fn script(self, path: &str, commands: &str) -> Self {
        self.program(path, format!("#!/busybox sh\n{commands}").as_bytes())
    }

    /// Adds a file that may be read.
    pub fn file(self, path: &str, content: &str) -> Self {
        self.entry(path, ModeFileType::Regular, 0o644, content.as_bytes())
    }

    /// Adds a folder.
    pub fn folder(self, path: &str) -> Self {
        self.entry(path, ModeFileType::Directory, 0o755, b"")
    }

    /// Adds a symbolic link.
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, ModeFileType::Symlink, 0o777, target.as_bytes())
    }

    /// Adds all that is in a folder of this machine, at the same paths.
    pub fn tree(self, folder: &Path) -> Self {
        self.below(folder, "")
    }

    /// Adds what is in `folder` below `path`.
    fn below(mut self, folder: &Path, path: &str) -> Self {
        let mut entries: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            let path = format!("{path}{}", entry.file_name().to_str().unwrap());
            self = if entry.path().is_dir() {
                self.folder(&path).below(&entry.path(), &format!("{path}/"))
            } else {
                self.program(&path, &fs::read(entry.path()).unwrap())
            };
        }
        self
    }

    /// The bytes of the archive.
    pub fn finish(self) -> Vec<u8> {
        trailer(self.bytes).unwrap()
    }

    /// Adds an entry. All that the program's content does not say is fixed: it belongs to root,
    /// was written in 1970, and its inode is its place.
    fn entry(mut self, path: &str, kind: ModeFileType, mode: u32, content: &[u8]) -> Self {
        self.entries += 1;
        let entry = Builder::new(path).mode(mode).set_mode_file_type(kind);
        let entry = entry.ino(self.entries).nlink(1).uid(0).gid(0).mtime(0);
        let mut writer = entry.write(self.bytes, content.len().try_into().unwrap());
        writer.write_all(content).unwrap();
        self.bytes = writer.finish().unwrap();
        self
    }
}
