//! `sandbar check`: models and policies, all problems at once.

use crate::args::CheckArgs;
use crate::failure::{Failure, say};
use crate::project::{Today, builder};

pub(crate) async fn run(args: CheckArgs) -> Result<(), Failure> {
    let engine = builder(&args.project, Today::Anchored)?
        .build()
        .await
        .map_err(|error| Failure::refused(error.to_string()))?;
    let version = engine.snapshot_version();
    say(&format!("no problems (snapshot {version})\n"))
}
