//! Scalar functions that DataFusion lacks, or has in a form that can fail or wrap in silence.
//!
//! | function | why not DataFusion's |
//! |---|---|
//! | `bucket_<grain>` | truncates in a zone and with a week start, and cannot fail on any instant |
//! | `part_<part>` | parts in a zone, whole numbers, cannot fail |
//! | `bin` | exact for whole numbers and decimals, refuses to wrap, has the bounds that were written |
//! | `exact_percentile`, `exact_percentile_disc` | DataFusion's interpolates in steps of a millionth, and its rank may miss a value by a bit |
//! | `checked_<op>` | DataFusion wraps on overflow of whole numbers |
//! | `kept` | DataFusion compares what is cast without the cast, also where it cuts, rounds or fails |
//! | `within_digits` | DataFusion's arithmetic on decimals gives numbers of more digits than their type has |
//! | `whole_day` | Arrow's cast of days in milliseconds cuts them towards 1970 |
//! | `alike` | Arrow's casts between units and zones fail on instants far away, and cut |
//! | `microseconds` | Arrow's cast of nanoseconds moves instants before 1970 |
//! | `checked_sum` | DataFusion wraps where a sum of decimals leaves 128 bits |
//! | `rounded` | DataFusion multiplies by powers of ten that no double is, and leaves the doubles on the way |
//! | `same_double`, `double_place`, `placed_double` | DataFusion tells zeros and NaN apart by their bits, and its extremes of groups with a NaN depend on the order of rows |
//! | `count` of different values | DataFusion's takes 16 KB and more for each group of texts, most of which no limit of memory counts |
//! | `decimal_mean` | DataFusion's mean of decimals cuts digits off |
//! | `reported_periods`, `missing_periods` | the periods in which a day counts, on a calendar |
//! | `later` | the same time of a later calendar day, in a zone |
//! | `midnight` | the instant at which a day begins, in a zone |
//! | `mask_hash` | a keyed hash, total on any text |

mod alike;
mod bin;
mod bucket;
mod calendar;
mod checked;
mod days;
mod digits;
mod distinct;
mod doubles;
mod grouped;
mod hash;
mod instants;
mod kept;
mod later;
mod mean;
mod meaning;
mod micros;
mod midnight;
mod part;
mod percentile;
mod periods;
mod rounded;
mod sum;
mod zone;

pub(crate) use alike::alike;
pub(crate) use bin::bin;
pub(crate) use bucket::{bucket, bucket_type, floor_date, next_date};
pub(crate) use calendar::{Rules, shift as calendar_shift};
pub(crate) use checked::checked;
pub(crate) use days::whole_day;
pub(crate) use digits::within_digits;
pub(crate) use distinct::count_distinct;
pub(crate) use doubles::{place, placed, same_double};
pub(crate) use hash::mask_hash;
pub(crate) use kept::kept;
pub(crate) use later::{instant_type, later};
pub(crate) use mean::mean;
pub(crate) use micros::micros;
pub(crate) use midnight::{midnight, midnight_of};
pub(crate) use part::part;
pub(crate) use percentile::{Between, percentile};
pub(crate) use periods::{Moved, Reporting, gap, periods};
pub(crate) use rounded::rounded;
pub(crate) use sum::checked_sum;
pub(crate) use zone::Clock;

pub use calendar::civil;
pub use checked::{CheckedOp, ComputationError};
pub use hash::MaskKey;
pub use meaning::{Calendar, Meaning, Reported};
