//! What is asked about: the embedded sample shop, or the files that were named.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sandbar::{Definitions, Engine, EngineBuilder, SourceText};
use sandbar_shop::{MODEL, MODEL_NAME, POLICIES, POLICIES_NAME, Shop};

use crate::args::ProjectArgs;
use crate::failure::{Failure, note};
use crate::progress::Progress;
use crate::sources::beside;

/// Which day the sample shop calls today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Today {
    /// 1 July 2026, the day that all shown numbers belong to; the clock stands still there.
    Anchored,
    /// The day it is.
    Real,
}

/// What is asked about, read and not yet checked.
#[derive(Debug)]
pub(crate) struct Project {
    /// An engine to be over it.
    pub(crate) builder: EngineBuilder,
    /// How many model files it consists of.
    pub(crate) models: usize,
}

impl Project {
    /// Checks everything and makes the engine.
    pub(crate) async fn open(self) -> Result<Engine, sandbar::Error> {
        let _slow = Progress::of("opening the sources and checking the model");
        self.builder.build().await
    }
}

/// Reads what was named.
pub(crate) fn read(args: &ProjectArgs, today: Today) -> Result<Project, Failure> {
    if args.models.is_empty() && !args.policies.is_empty() {
        return Err(Failure::wrong("`--policies` goes with `--model`"));
    }
    read_with(args, today, None)
}

/// Reads what was named, with these policies and no others.
pub(crate) fn read_under(
    args: &ProjectArgs,
    today: Today,
    policies: &[PathBuf],
) -> Result<Project, Failure> {
    if !args.policies.is_empty() {
        return Err(Failure::wrong(
            "`--policies` does not go with OLD and NEW, which are policies",
        ));
    }
    read_with(args, today, Some(policies))
}

fn read_with(
    args: &ProjectArgs,
    today: Today,
    instead: Option<&[PathBuf]>,
) -> Result<Project, Failure> {
    let today = if args.today { Today::Real } else { today };
    let of_the_shop = args.models.is_empty();
    if args.today && !args.shop_data && !of_the_shop {
        return Err(Failure::wrong("`--today` goes with the sample shop's tables"));
    }
    let mut project = Project { builder: Engine::builder(), models: 0 };
    let mut any_policies = false;
    if of_the_shop {
        any_policies = true;
        project.builder = project.builder.model(MODEL_NAME, MODEL);
        project.models = 1;
        if instead.is_none() {
            project.builder = project.builder.policies(POLICIES_NAME, POLICIES);
        }
    }
    for path in &args.models {
        let folder = path.is_dir();
        for file in if folder { yaml_files(path)? } else { vec![path.clone()] } {
            if !folder {
                project = project.model(&file)?;
            } else if ends_with(&file, "policies") {
                any_policies = true;
                if instead.is_none() {
                    project = project.policies(&file)?;
                }
            } else if !ends_with(&file, "cases") {
                project = project.model(&file)?;
            }
        }
    }
    for file in instead.unwrap_or(&args.policies) {
        any_policies = true;
        project = project.policies(file)?;
    }
    if !any_policies {
        note("no policies: nobody sees anything (see docs/policies.md)");
    }
    if args.shop_data || of_the_shop {
        project.builder = shop(project.builder, today)?;
    }
    Ok(project)
}

/// A file of policies, or those of a folder.
pub(crate) fn policy_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = yaml_files(path)?;
    files.retain(|file| ends_with(file, "policies"));
    if files.is_empty() {
        let message = format!("{} has no files that end in `policies.yaml`", path.display());
        return Err(Failure::wrong(message));
    }
    Ok(files)
}

/// Whether a text names a table of the sample shop.
pub(crate) fn names_the_shop(text: &str) -> bool {
    ["people", "products", "orders", "reviews"]
        .iter()
        .any(|name| text.contains(&format!("`{name}`")))
}

impl Project {
    /// Adds a model file, and the sources that it declares: their paths start where it lies.
    fn model(mut self, file: &Path) -> Result<Self, Failure> {
        let definitions = Definitions::from_yaml([text(file)?]);
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let folder = fs::canonicalize(folder)
            .map_err(|error| Failure::wrong(format!("{}: {error}", folder.display())))?;
        for (name, spec) in beside(&definitions, &folder) {
            self.builder = self.builder.source(&name, spec);
        }
        Ok(Self { builder: self.builder.definitions(definitions), models: self.models + 1 })
    }

    fn policies(self, file: &Path) -> Result<Self, Failure> {
        let read = text(file)?;
        let builder = self.builder.policies(&read.name, &read.text);
        Ok(Self { builder, ..self })
    }
}

/// Gives an engine the tables of the shop, and its clock.
fn shop(mut builder: EngineBuilder, today: Today) -> Result<EngineBuilder, Failure> {
    let _slow = Progress::of("making the sample shop");
    let made = match today {
        Today::Anchored => Shop::generate(),
        Today::Real => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            Shop::with_today(i32::try_from(now.as_secs() / 86_400).unwrap_or(i32::MAX))
        }
    };
    let shop = made.map_err(|error| Failure::wrong(format!("the sample shop: {error}")))?;
    for (name, batch) in shop.tables() {
        builder = builder.batches(name, vec![batch.clone()]);
    }
    if today == Today::Anchored {
        let seconds = u64::try_from(shop.today()).unwrap_or(0) * 86_400;
        builder = builder.clock(move || UNIX_EPOCH + Duration::from_secs(seconds));
    }
    Ok(builder)
}

fn ends_with(file: &Path, word: &str) -> bool {
    let name = file.file_stem().unwrap_or_default();
    name.to_string_lossy().ends_with(word)
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| Failure::wrong(format!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::wrong(format!("{} has no `.yaml` files", folder.display())));
    }
    Ok(files)
}

/// What a file says; where it is no text, that is a problem of its author.
pub(crate) fn text(file: &Path) -> Result<SourceText, Failure> {
    let name = file.display().to_string();
    let bytes = fs::read(file).map_err(|error| Failure::wrong(format!("{name}: {error}")))?;
    SourceText::from_bytes(name, &bytes).map_err(|report| Failure::refused(report.to_string()))
}
