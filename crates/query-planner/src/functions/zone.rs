//! What day it is somewhere: a zone with its week start, and offsets looked up once per stretch.

use super::calendar::Rules;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sandbar_catalog::time::{FiscalYear, WeekStart};

const MICROS: i64 = 1_000_000;

/// The zone and week start that buckets and filters are computed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) zone: TimeZone,
    pub(crate) week_start: WeekStart,
    pub(crate) fiscal: FiscalYear,
}

impl std::hash::Hash for Clock {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.zone.iana_name().hash(state);
        self.week_start.hash(state);
        self.fiscal.hash(state);
    }
}

impl Clock {
    /// What a calendar needs to know: when weeks and fiscal years start.
    pub(crate) fn rules(&self) -> Rules {
        Rules { week_start: self.week_start, fiscal: self.fiscal }
    }

    /// The IANA name, unless it is UTC.
    pub(crate) fn zone_name(&self) -> Option<&str> {
        self.zone.iana_name().filter(|name| *name != "UTC" && *name != "Etc/UTC")
    }

    /// Looks offsets up; cheap to make, kept for one batch.
    pub(crate) fn offsets(&self) -> Offsets<'_> {
        Offsets { zone: self.zone_name().map(|_| &self.zone), from: 1, to: 0, seconds: 0 }
    }
}

/// The offset from UTC, remembered for the stretch between two transitions.
pub(crate) struct Offsets<'a> {
    zone: Option<&'a TimeZone>,
    from: i64,
    to: i64,
    seconds: i64,
}

impl Offsets<'_> {
    /// Seconds east of UTC at an instant in microseconds; instants beyond the years ±9999 take
    /// the offset of the nearest one that the zone rules cover.
    pub(crate) fn at(&mut self, micros: i64) -> i64 {
        let Some(zone) = self.zone else { return 0 };
        if micros < self.from || micros >= self.to {
            let clamped = micros.clamp(
                Timestamp::MIN.as_microsecond() + MICROS,
                Timestamp::MAX.as_microsecond() - 2 * MICROS,
            );
            let Ok(instant) = Timestamp::from_microsecond(clamped) else { return 0 };
            self.seconds = i64::from(zone.to_offset(instant).seconds());
            // A transition exactly at the instant belongs to the stretch that starts with it.
            let after =
                instant.checked_add(jiff::SignedDuration::from_micros(1)).unwrap_or(instant);
            let transition = |t: Option<jiff::tz::TimeZoneTransition<'_>>| t.map(|t| t.timestamp());
            let before = transition(zone.preceding(after).next());
            let next = transition(zone.following(instant).next());
            self.from = before.map_or(i64::MIN, Timestamp::as_microsecond);
            self.to = next.map_or(i64::MAX, Timestamp::as_microsecond);
        }
        self.seconds
    }

    /// The local day and the microsecond of that day.
    pub(crate) fn local(&mut self, micros: i64) -> (i64, i64) {
        let local = micros.saturating_add(self.at(micros) * MICROS);
        (local.div_euclid(86_400 * MICROS), local.rem_euclid(86_400 * MICROS))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Offsets around every transition of some zones, in an order that defeats the cache.
    #[test]
    fn z1_offsets_equal_the_zone_rules() {
        for name in ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Dublin"] {
            let zone = TimeZone::get(name).unwrap();
            let clock = Clock {
                zone: zone.clone(),
                week_start: WeekStart::Monday,
                fiscal: FiscalYear::default(),
            };
            let mut offsets = clock.offsets();
            let start: Timestamp = "1880-01-01T00:00:00Z".parse().unwrap();
            let mut probes = Vec::new();
            for transition in zone.following(start).take(200) {
                let at = transition.timestamp().as_microsecond();
                probes.extend([at - 1, at, at + 1, at + 40 * 86_400 * MICROS]);
            }
            let backwards: Vec<i64> = probes.iter().rev().copied().collect();
            for micros in probes.iter().chain(&backwards) {
                let expected = zone.to_offset(Timestamp::from_microsecond(*micros).unwrap());
                assert_eq!(offsets.at(*micros), i64::from(expected.seconds()), "{name} {micros}");
            }
        }
    }

    #[test]
    fn no_instant_fails() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let clock = Clock { zone, week_start: WeekStart::Monday, fiscal: FiscalYear::default() };
        for micros in [i64::MIN, i64::MAX, 0] {
            let (_, of_day) = clock.offsets().local(micros);
            assert!((0..86_400 * MICROS).contains(&of_day));
        }
    }
}
