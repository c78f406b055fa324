//! `sandbar check`: models and policies, all problems at once.

use sandbar::ErrorKind;

use crate::args::CheckArgs;
use crate::failure::{Failure, say};
use crate::project::{Today, names_the_shop, read};

const SHOP_DATA: &str =
    "`--shop-data` reads people, products, orders and reviews from the sample shop";

pub(crate) async fn run(args: CheckArgs) -> Result<(), Failure> {
    match read(&args.project, Today::Anchored)?.open().await {
        Ok(engine) => say(&format!("no problems (snapshot {})\n", engine.snapshot_version())),
        Err(error) => {
            let mut told = error.to_string();
            let source_missing = error.kind() == ErrorKind::Source || told.contains("M0104");
            if source_missing && !args.project.shop_data && names_the_shop(&told) {
                told = format!("{told}\n{SHOP_DATA}");
            }
            Err(Failure::refused(told))
        }
    }
}
