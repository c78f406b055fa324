//! What is asked about: the embedded sample shop, or the files that were named.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sandbar::{Engine, EngineBuilder, Verifier};
use sandbar_shop::{MODEL, MODEL_NAME, POLICIES, POLICIES_NAME, Shop};

use crate::args::ProjectArgs;
use crate::failure::Failure;

/// Which day the sample shop calls today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Today {
    /// 1 July 2026, the day that all shown numbers belong to; the clock stands still there.
    Anchored,
    /// The day it is.
    Real,
}

/// An engine to be over what was named.
pub(crate) fn builder(args: &ProjectArgs, today: Today) -> Result<EngineBuilder, Failure> {
    if args.models.is_empty() {
        if !args.policies.is_empty() {
            return Err(Failure::wrong("`--policies` goes with `--model`"));
        }
        return shop(if args.today { Today::Real } else { today });
    }
    let mut builder = Engine::builder();
    let mut base: Option<PathBuf> = None;
    let mut any_policies = false;
    for path in &args.models {
        let folder = path.is_dir();
        for file in if folder { yaml_files(path)? } else { vec![path.clone()] } {
            let text = read(&file)?;
            let name = file.display().to_string();
            if folder
                && name.trim_end_matches(".yml").trim_end_matches(".yaml").ends_with("policies")
            {
                any_policies = true;
                builder = builder.policies(&name, &text);
            } else {
                builder = builder.model(&name, &text);
            }
        }
        if base.is_none() {
            base = if folder { Some(path.clone()) } else { path.parent().map(Path::to_owned) };
        }
    }
    for file in &args.policies {
        any_policies = true;
        builder = builder.policies(&file.display().to_string(), &read(file)?);
    }
    if !any_policies {
        crate::failure::note("no policies: nobody sees anything (see docs/policies.md)");
    }
    let base = base.unwrap_or_default();
    let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
    let base = fs::canonicalize(&base)
        .map_err(|error| Failure::wrong(format!("{}: {error}", base.display())))?;
    Ok(builder.base_dir(base))
}

/// The same with a verifier for tokens.
pub(crate) fn with_tokens(builder: EngineBuilder, verifier: Verifier) -> EngineBuilder {
    builder.verifier(verifier)
}

fn shop(today: Today) -> Result<EngineBuilder, Failure> {
    let made = match today {
        Today::Anchored => Shop::generate(),
        Today::Real => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            Shop::with_today(i32::try_from(now.as_secs() / 86_400).unwrap_or(i32::MAX))
        }
    };
    let shop = made.map_err(|error| Failure::wrong(format!("the sample shop: {error}")))?;
    let mut builder = Engine::builder().model(MODEL_NAME, MODEL).policies(POLICIES_NAME, POLICIES);
    for (name, batch) in shop.tables() {
        builder = builder.batches(name, vec![batch.clone()]);
    }
    if today == Today::Anchored {
        let seconds = u64::try_from(shop.today()).unwrap_or(0) * 86_400;
        builder = builder.clock(move || UNIX_EPOCH + Duration::from_secs(seconds));
    }
    Ok(builder)
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

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::wrong(format!("{}: {error}", file.display())))
}
