//! Where the files of a source lie: a path as declared becomes a root and what is read below it.
//! Only whole names are matched here, one at a time, by the glob patterns that DataFusion brings.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use datafusion::datasource::listing::ListingTableUrl;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::path::Path as ObjectPath;

use super::problem::SourceProblemKind;
use super::spec::FilesSpec;

/// The place of a source's files. Symbolic links stay in it, so that a link that is set to another
/// folder is followed by the next query.
#[derive(Debug)]
pub(super) struct Location {
    /// The path for messages: absolute, as declared.
    pub(super) shown: String,
    /// The store that the files are scanned in.
    pub(super) url: ObjectStoreUrl,
    /// The file, or the folder that the pattern starts from.
    pub(super) root: ObjectPath,
    pub(super) reach: Reach,
    /// The canonical path, with the pattern: the same for two names of one place.
    pub(super) identity: String,
}

/// What is read at the root.
#[derive(Debug)]
pub(super) enum Reach {
    File,
    Below(Pattern),
}

/// Which files below a folder are meant: a list of steps, one per name. A walk carries the set of
/// steps it may be at, because `**` can stand for any number of names.
#[derive(Debug)]
pub(super) struct Pattern {
    steps: Vec<Step>,
    /// What a file's extension may be; empty if it does not matter.
    extensions: &'static [&'static str],
}

#[derive(Debug)]
enum Step {
    AnyDepth,
    AnyName,
    /// Carries the glob pattern of one name; the URL has no meaning.
    Name(Box<ListingTableUrl>),
}

/// The steps that a walk may be at.
pub(super) type Steps = BTreeSet<usize>;

impl Location {
    /// Looks at the file system to tell a file from a folder and a pattern from a name.
    pub(super) fn resolve(spec: &FilesSpec) -> Result<Self, SourceProblemKind> {
        let declared = || spec.path.clone();
        if spec.path.contains("://") {
            return Err(SourceProblemKind::UnsupportedStore { path: declared() });
        }
        let path = Path::new(&spec.path);
        let (full, literal) = match &spec.base {
            _ if path.is_absolute() => (path.to_path_buf(), 0),
            Some(base) if base.is_absolute() => (base.join(path), base.components().count()),
            _ => return Err(SourceProblemKind::Relative { path: declared() }),
        };
        // What exists under that very name is meant, even if the name reads like a pattern.
        match std::fs::metadata(&full) {
            Ok(meta) if meta.is_dir() => Self::new(&full, &full, |canonical| {
                let pattern = Pattern::folder(spec.format.extensions());
                Ok((Reach::Below(pattern), format!("{canonical}/")))
            }),
            Ok(_) => Self::new(&full, &full, |canonical| Ok((Reach::File, canonical))),
            Err(error) if !absent(&error) => Err(unreadable(&full, &error)),
            Err(_) => {
                let (folder, names) = split(&full, literal)
                    .map_err(|reason| SourceProblemKind::BadPattern { path: declared(), reason })?;
                if names.is_empty() {
                    return Err(SourceProblemKind::NotFound { path: full.display().to_string() });
                }
                Self::new(&full, &folder, |canonical| {
                    let pattern = Pattern::parse(&names).map_err(|reason| {
                        SourceProblemKind::BadPattern { path: declared(), reason }
                    })?;
                    Ok((Reach::Below(pattern), format!("{canonical}/{}", names.join("/"))))
                })
            }
        }
    }

    fn new(
        shown: &Path,
        root: &Path,
        reach: impl FnOnce(String) -> Result<(Reach, String), SourceProblemKind>,
    ) -> Result<Self, SourceProblemKind> {
        let canonical = root.canonicalize().map_err(|error| {
            if absent(&error) {
                SourceProblemKind::NotFound { path: root.display().to_string() }
            } else {
                unreadable(root, &error)
            }
        })?;
        // `..` after a link means another folder than its text says.
        let climbs = root.components().any(|c| c == Component::ParentDir);
        let root = ObjectPath::from_absolute_path(if climbs { &canonical } else { root })
            .map_err(|error| unreadable(root, &error))?;
        let (reach, identity) = reach(canonical.display().to_string())?;
        let identity = format!("file:{identity}");
        let (shown, url) = (shown.display().to_string(), ObjectStoreUrl::local_filesystem());
        Ok(Self { shown, url, root, reach, identity })
    }
}

impl Pattern {
    /// All files with one of the extensions, at any depth.
    pub(super) fn folder(extensions: &'static [&'static str]) -> Self {
        Self { steps: vec![Step::AnyDepth, Step::AnyName], extensions }
    }

    pub(super) fn parse(names: &[String]) -> Result<Self, String> {
        let step = |name: &String| {
            if name == "**" {
                return Ok(Step::AnyDepth);
            }
            ListingTableUrl::parse("file:///")
                .and_then(|url| url.with_glob(name))
                .map(|url| Step::Name(Box::new(url)))
                .map_err(|error| error.to_string())
        };
        let mut steps: Vec<Step> = names.iter().map(step).collect::<Result<_, _>>()?;
        if let Some(Step::AnyDepth) = steps.last() {
            steps.push(Step::AnyName);
        }
        Ok(Self { steps, extensions: &[] })
    }

    /// Where a walk stands at the root.
    pub(super) fn start(&self) -> Steps {
        let mut steps = Steps::new();
        self.arrive(0, &mut steps);
        steps
    }

    /// Where a walk stands below a folder of that name; empty if nothing below can match.
    pub(super) fn enter(&self, at: &Steps, folder: &str) -> Steps {
        let mut next = self.after(at, folder);
        next.remove(&self.steps.len());
        next
    }

    /// Whether a file of that name is meant.
    pub(super) fn takes(&self, at: &Steps, file: &str) -> bool {
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        let suits = self.extensions.is_empty()
            || self.extensions.iter().any(|e| extension.eq_ignore_ascii_case(e));
        suits && self.after(at, file).contains(&self.steps.len())
    }

    fn after(&self, at: &Steps, name: &str) -> Steps {
        let mut next = Steps::new();
        for &step in at {
            match self.steps.get(step) {
                Some(Step::AnyDepth) => self.arrive(step, &mut next),
                Some(Step::AnyName) => self.arrive(step + 1, &mut next),
                Some(Step::Name(pattern)) if matches(pattern, name) => {
                    self.arrive(step + 1, &mut next);
                }
                Some(Step::Name(_)) | None => {}
            }
        }
        next
    }

    /// `**` may stand for no name at all, so whoever arrives there is also one step further.
    fn arrive(&self, mut step: usize, steps: &mut Steps) {
        steps.insert(step);
        while let Some(Step::AnyDepth) = self.steps.get(step) {
            step += 1;
            steps.insert(step);
        }
    }
}

fn matches(pattern: &ListingTableUrl, name: &str) -> bool {
    pattern.get_glob().as_ref().is_some_and(|glob| glob.matches(name))
}

/// The folder before the first name that reads like a pattern, and the names from there on. The
/// first `literal` components are never patterns.
fn split(full: &Path, literal: usize) -> Result<(PathBuf, Vec<String>), String> {
    let mut folder = PathBuf::new();
    let mut names = Vec::new();
    for (index, component) in full.components().enumerate() {
        let text = component.as_os_str().to_str();
        let wild = index >= literal && text.is_some_and(|t| t.contains(['*', '?', '[']));
        if names.is_empty() && !wild {
            folder.push(component);
            continue;
        }
        match (component, text) {
            (Component::Normal(_), Some(name)) => names.push(name.to_owned()),
            (Component::Normal(_), None) => return Err("a name is not UTF-8".to_owned()),
            _ => return Err("`..` after a pattern".to_owned()),
        }
    }
    Ok((folder, names))
}

fn absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> SourceProblemKind {
    SourceProblemKind::Unreadable { file: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::source::spec::Format;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        let names: Vec<String> = pattern.split('/').map(str::to_owned).collect();
        let pattern = Pattern::parse(&names).unwrap();
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let at = folders
            .split('/')
            .filter(|f| !f.is_empty())
            .fold(pattern.start(), |at, folder| pattern.enter(&at, folder));
        assert_eq!(pattern.takes(&at, file), expected, "{path}");
    }

    #[test]
    fn patterns_match_name_by_name() {
        check("*.csv", "a.csv", true);
        check("*.csv", "sub/a.csv", false);
        check("*.csv", "a.txt", false);
        check("a?[0-9].csv", "ax7.csv", true);
        check("a?[!0-9].csv", "ax7.csv", false);
        check("*/*.csv", "a.csv", false);
        check("*/*.csv", "x/a.csv", true);
        check("*/*.csv", "x/y/a.csv", false);
        check("**/*.csv", "a.csv", true);
        check("**/*.csv", "x/y/a.csv", true);
        check("**", "x/y/a", true);
        check("x*/**/z/*.csv", "x1/z/a.csv", true);
        check("x*/**/z/*.csv", "x1/y/z/z/a.csv", true);
        check("x*/**/z/*.csv", "x1/y/a.csv", false);
        check("**/b/**", "a/b", false);
        check("**/b/**", "a/b/c", true);
    }

    fn files(path: &str, base: Option<&Path>) -> FilesSpec {
        let base = base.map(Path::to_path_buf);
        FilesSpec { format: Format::Parquet, path: path.into(), base, partitions: vec![] }
    }

    #[track_caller]
    fn check_refused(path: &str, base: Option<&Path>, expected: fn(String) -> SourceProblemKind) {
        let problem = Location::resolve(&files(path, base)).unwrap_err();
        assert_eq!(problem, expected(path.into()));
    }

    #[test]
    fn paths_need_a_start() {
        check_refused("a.parquet", None, |path| SourceProblemKind::Relative { path });
        check_refused("*.parquet", Some(Path::new("data")), |path| SourceProblemKind::Relative {
            path,
        });
        check_refused("s3://b/a", None, |path| SourceProblemKind::UnsupportedStore { path });
        check_refused("/no such/a.parquet", None, |path| SourceProblemKind::NotFound { path });
        check_refused("/no such/*.parquet", None, |_| SourceProblemKind::NotFound {
            path: "/no such".into(),
        });
    }

    #[test]
    fn bad_patterns_are_told() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a[.csv", "a**.csv", "*/../a.csv"] {
            let problem = Location::resolve(&files(path, Some(dir.path()))).unwrap_err();
            assert!(matches!(problem, SourceProblemKind::BadPattern { .. }), "{problem}");
        }
    }

    #[test]
    fn names_that_exist_are_no_patterns() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("b[1]");
        std::fs::create_dir(&base).unwrap();
        std::fs::write(base.join("a[1].csv"), "x").unwrap();
        let location = |path| Location::resolve(&files(path, Some(&base))).unwrap();
        assert!(matches!(location("a[1].csv").reach, Reach::File));
        assert!(matches!(location("*.csv").reach, Reach::Below(_)));
    }

    #[test]
    fn one_place_has_one_identity() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("data"), dir.path().join("link")).unwrap();
        let identity = |path| Location::resolve(&files(path, Some(dir.path()))).unwrap().identity;
        assert_eq!(identity("data"), identity("./data/"));
        assert_eq!(identity("data"), identity("data/../data"));
        #[cfg(unix)]
        assert_eq!(identity("data/*.csv"), identity("link/*.csv"));
        assert_ne!(identity("data/*.csv"), identity("data/a*.csv"));
    }
}
