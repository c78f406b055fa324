//! The secret that signs tokens: given, or made once for development and kept in a private file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::args::SecretArgs;
use crate::failure::{Failure, note};

/// The secret that `--jwt-secret-file`, `SANDBAR_JWT_SECRET` or the development file gives.
pub(crate) fn secret(args: &SecretArgs) -> Result<String, Failure> {
    if let Some(file) = &args.jwt_secret_file {
        return of_file(file);
    }
    of_environment()?.map_or_else(development, Ok)
}

/// The secret that the environment gives.
pub(crate) fn of_environment() -> Result<Option<String>, Failure> {
    match std::env::var("SANDBAR_JWT_SECRET") {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::wrong("SANDBAR_JWT_SECRET is not text"))
        }
        Err(std::env::VarError::NotPresent) => Ok(None),
    }
}

/// The secret of a file that was named.
pub(crate) fn of_file(file: &Path) -> Result<String, Failure> {
    if others_can_read(file)?.is_some() {
        note(&format!("{}: others can read this secret", file.display()));
    }
    read(file)
}

fn read(file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::wrong(format!("{}: {error}", file.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The secret of this account, for trying things out.
pub(crate) fn development() -> Result<String, Failure> {
    let file = development_file()?;
    if file.exists() {
        return private(&file);
    }
    let failed = |error: std::io::Error| Failure::wrong(format!("{}: {error}", file.display()));
    if let Some(folder) = file.parent() {
        let mut folders = fs::DirBuilder::new();
        folders.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        folders.create(folder).map_err(failed)?;
    }
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::wrong(error.to_string()))?;
    let value: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&file) {
        Ok(mut made) => {
            made.write_all(value.as_bytes()).map_err(failed)?;
            note(&format!("made a development secret in {}", file.display()));
            Ok(value)
        }
        // Somebody else made it in the meantime.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => private(&file),
        Err(error) => Err(failed(error)),
    }
}

/// Reads a secret that nobody but its owner can have read.
fn private(file: &Path) -> Result<String, Failure> {
    if let Some(mode) = others_can_read(file)? {
        return Err(Failure::wrong(format!(
            "{}: others can read this secret (mode {mode:03o}): remove the file, and a new one is \
             made",
            file.display()
        )));
    }
    read(file)
}

/// The mode of a file that others than its owner can read, where files have modes.
fn others_can_read(file: &Path) -> Result<Option<u32>, Failure> {
    #[cfg(unix)]
    {
        let failed = |error| Failure::wrong(format!("{}: {error}", file.display()));
        let found = fs::metadata(file).map_err(failed)?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions());
        Ok((mode & 0o077 != 0).then_some(mode & 0o777))
    }
    #[cfg(not(unix))]
    Ok(None)
}

fn development_file() -> Result<PathBuf, Failure> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = std::env::home_dir().map(|home| home.join(".local").join("state"));
    let folder = state.or(home).ok_or_else(|| {
        Failure::wrong(
            "there is no home folder to keep a development secret in; give --jwt-secret-file",
        )
    })?;
    Ok(folder.join("sandbar").join("development-jwt-secret"))
}
