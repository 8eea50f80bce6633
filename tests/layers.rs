// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order of the source: an import points down or sideways, never up, and never in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Item, UseTree};

use crate::support::package::PACKAGE;

/// The storeys of the source, from the ground up. All that has no folder is above them.
const STOREYS: [&str; 4] = ["cpu", "sys", "text", "forms"];

/// A file of the library as a module, `["sys", "table"]`, and the imports in it, as they stand.
struct File {
    module: Vec<String>,
    imports: Vec<Vec<String>>,
}

/// The storey of a module: 0 is the ground.
fn storey(module: &[String]) -> usize {
    let folder = module.first().map_or("", String::as_str);
    STOREYS.iter().position(|known| *known == folder).unwrap_or(STOREYS.len())
}

/// Every path that a `use` names.
fn paths(tree: &UseTree, before: &[String], all: &mut Vec<Vec<String>>) {
    let with = |name: String| [before, &[name]].concat();
    match tree {
        UseTree::Path(path) => paths(&path.tree, &with(path.ident.to_string()), all),
        UseTree::Name(name) => all.push(with(name.ident.to_string())),
        UseTree::Rename(name) => all.push(with(name.ident.to_string())),
        UseTree::Glob(_) => all.push(before.to_vec()),
        UseTree::Group(group) => group.items.iter().for_each(|item| paths(item, before, all)),
    }
}

/// Reads all files below `folder`, which is the module `module`.
fn read(folder: &Path, module: &[String], files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            read(&path, &[module, &[name]].concat(), files);
            continue;
        }
        // Each file of this folder is the module `cpu` on its CPU.
        let is_folder_itself = matches!(name.as_str(), "mod" | "lib" | "main")
            || module.first().is_some_and(|module| module == "cpu");
        let module = if is_folder_itself { module.to_vec() } else { [module, &[name]].concat() };
        let mut imports = Vec::new();
        for item in syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap().items {
            if let Item::Use(item) = item {
                paths(&item.tree, &[], &mut imports);
            }
        }
        files.push(File { module, imports });
    }
}

/// The module of this package that `import`, in the file of `module`, names; none for another
/// crate's.
fn resolve(
    import: &[String],
    module: &[String],
    known: &BTreeSet<Vec<String>>,
) -> Option<Vec<String>> {
    let path = match import.first()?.as_str() {
        "crate" | "newuts" => import[1..].to_vec(),
        "super" => [&module[..module.len() - 1], &import[1..]].concat(),
        "self" => [module, &import[1..]].concat(),
        _ => [module, import].concat(),
    };
    let longest =
        (1..=path.len()).rev().map(|len| path[..len].to_vec()).find(|it| known.contains(it));
    // What is left is an item of the folder itself, or the name of another crate.
    longest.filter(|found| *found != module || import[0] == "super")
}

/// Which module imports which.
fn imports() -> BTreeSet<(Vec<String>, Vec<String>)> {
    let mut files = Vec::new();
    read(&Path::new(PACKAGE).join("src"), &[], &mut files);
    let known: BTreeSet<_> = files.iter().map(|file| file.module.clone()).collect();
    assert!(known.len() > 20, "{known:?}");
    let each = files.iter().flat_map(|file| {
        file.imports.iter().filter_map(|import| {
            Some((file.module.clone(), resolve(import, &file.module, &known)?))
        })
    });
    each.filter(|(from, to)| from != to).collect()
}

#[test]
fn imports_point_down_or_sideways() {
    let imports = imports();
    for (from, to) in &imports {
        assert!(storey(from) >= storey(to), "{} imports {}", from.join("::"), to.join("::"));
    }
    assert!(imports.len() > 50, "{imports:#?}");
}

#[test]
fn no_import_closes_a_circle() {
    let mut below: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (from, to) in imports() {
        below.entry(from).or_default().insert(to);
    }
    // Takes away what imports nothing that is left, until nothing is left.
    while let Some(free) =
        below.iter().find(|(_, tos)| tos.iter().all(|to| !below.contains_key(to)))
    {
        let free = free.0.clone();
        below.remove(&free);
    }
    assert!(below.is_empty(), "in a circle: {:?}", below.keys());
}
