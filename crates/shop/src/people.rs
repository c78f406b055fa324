//! The people: who they are, where they live, when and through which channel they came.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;

use crate::calendar::{ANCHOR, DAY_MICROS, FIRST_DAY, Shift};
use crate::rng::{Rng, Weights};
use crate::traffic::time_of_day;
use crate::words::{
    CITY_HEADS, CITY_TAILS, DOMAINS, FAMILY, GIVEN, SOURCES, STATES, STREET_KINDS, STREETS, State,
};

/// Number of people.
pub(crate) const PEOPLE: usize = 2_500;

/// Cities in each state.
const CITIES: usize = 5;

/// People of whom neither city nor state is known, and with a city but no state.
const HOMELESS: usize = 9;
const STATELESS: usize = 5;

/// Sign-up opened this many days before the first order; one in [`EARLY`] came at once.
const EARLY_DAYS: i64 = 30;
const EARLY: i64 = 16;

/// The rows in the order of their ids, 1 and up.
pub(crate) struct People {
    rows: Vec<Person>,
    appetites: Weights,
}

struct Person {
    name: String,
    email: String,
    password: String,
    birth_date: Option<i32>,
    address: String,
    home: Option<Home>,
    state: Option<State>,
    source: &'static str,
    created_at: i64,
    /// How much this one orders, relative to the others; some never do.
    appetite: i64,
}

/// A place to live: coordinates in ten-thousandths of a degree.
struct Home {
    city: String,
    zip: String,
    latitude: i64,
    longitude: i64,
}

impl People {
    pub(crate) fn generate() -> Self {
        let mut rng = Rng::new(0x5A4D_0001);
        let rows = rows(&mut rng);
        let appetites = Weights::new(rows.iter().map(|person| person.appetite));
        Self { rows, appetites }
    }

    /// Someone who had signed up by that moment: the id, and the tax in hundredths of a percent.
    pub(crate) fn buyer(&self, rng: &mut Rng, moment: i64) -> (i64, i64) {
        let known = self.rows.partition_point(|person| person.created_at <= moment);
        let at = self.appetites.draw_among(rng, known);
        let state = self.rows.get(at).and_then(|person| person.state);
        (at as i64 + 1, state.unwrap_or_default().tax)
    }

    pub(crate) fn batch(&self, shift: Shift) -> Result<RecordBatch, ArrowError> {
        let rows = || self.rows.iter();
        let homes = || rows().map(|person| person.home.as_ref());
        let text = |of: fn(&Person) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows().map(of)))
        };
        let home_text = |of: fn(&Home) -> &str| -> ArrayRef {
            Arc::new(homes().map(|home| home.map(of)).collect::<StringArray>())
        };
        let degrees = |of: fn(&Home) -> i64| -> ArrayRef {
            let value = |home| of(home) as f64 / 10_000.0;
            Arc::new(homes().map(|home| home.map(value)).collect::<Float64Array>())
        };
        let states: StringArray =
            rows().map(|person| person.state.map(|state| state.code)).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from_iter_values(1..=PEOPLE as i64)) as ArrayRef, false),
            ("name", text(|person| &person.name), false),
            ("email", text(|person| &person.email), false),
            ("password", text(|person| &person.password), false),
            ("birth_date", Arc::new(shift.days(rows().map(|person| person.birth_date))), true),
            ("address", text(|person| &person.address), false),
            ("city", home_text(|home| &home.city), true),
            ("state", Arc::new(states), true),
            ("zip", home_text(|home| &home.zip), true),
            ("latitude", degrees(|home| home.latitude), true),
            ("longitude", degrees(|home| home.longitude), true),
            ("source", text(|person| person.source), false),
            ("created_at", Arc::new(shift.moments(rows().map(|person| person.created_at))), false),
        ])
    }
}

fn rows(rng: &mut Rng) -> Vec<Person> {
    let homeless = rng.spread(PEOPLE, HOMELESS);
    let stateless = rng.spread(PEOPLE, STATELESS);
    let states = Weights::new(STATES.iter().map(|state| state.weight));
    let mut signups: Vec<i64> = (0..PEOPLE).map(|_| signup(rng)).collect();
    signups.sort_unstable();
    let mut namesakes = HashMap::new();
    let person = |(row, created_at)| {
        let ((given, given_mail), (family, family_mail)) = (rng.pick(&GIVEN), rng.pick(&FAMILY));
        let nth: &mut u32 = namesakes.entry((given, family)).or_default();
        *nth += 1;
        let number = if *nth == 1 { String::new() } else { nth.to_string() };
        let domain = rng.pick(&DOMAINS);
        let at = states.draw(rng);
        let (home, state) = (home(rng, at), STATES.get(at).copied());
        let placed = homeless.binary_search(&row).is_err();
        Person {
            name: format!("{given} {family}"),
            email: format!("{given_mail}.{family_mail}{number}@{domain}"),
            password: format!(
                "{:016x}{:016x}{:016x}{:016x}",
                rng.bits(),
                rng.bits(),
                rng.bits(),
                rng.bits()
            ),
            birth_date: birth_date(rng),
            address: address(rng),
            home: home.filter(|_| placed),
            state: state.filter(|_| placed && stateless.binary_search(&row).is_err()),
            source: rng.pick(&SOURCES),
            created_at,
            appetite: if rng.one_in(8) { 0 } else { 1 + rng.below(4) * rng.below(4) },
        }
    };
    signups.into_iter().enumerate().map(person).collect()
}

fn signup(rng: &mut Rng) -> i64 {
    let day = if rng.one_in(EARLY) {
        i64::from(FIRST_DAY) - 1 - rng.below(EARLY_DAYS)
    } else {
        i64::from(FIRST_DAY) + rng.below(i64::from(ANCHOR - FIRST_DAY) + 1)
    };
    day * DAY_MICROS + time_of_day(rng)
}

/// A birthday at an age of 18 to 81 years; about one in 25 is not known.
fn birth_date(rng: &mut Rng) -> Option<i32> {
    let age = 6_600 + rng.hump(11_500);
    (!rng.one_in(25)).then(|| ANCHOR - age as i32)
}

fn address(rng: &mut Rng) -> String {
    let number = 1 + rng.below(980) * (1 + rng.below(9));
    let (street, kind) = (rng.pick(&STREETS), rng.pick(&STREET_KINDS));
    if rng.one_in(7) {
        format!("{number} {street} {kind}, Apt. {}", 1 + rng.below(60))
    } else {
        format!("{number} {street} {kind}")
    }
}

/// A home in one of the state's cities, the first of them the largest.
fn home(rng: &mut Rng, state: usize) -> Option<Home> {
    let of_state = STATES.get(state)?;
    let of_city = rng.below(CITIES as i64 + 2) as usize % CITIES;
    let nth = state * CITIES + of_city;
    // 263 has no divisor in common with the number of pairs, so no two cities share a name.
    let pair = nth * 263 % (CITY_HEADS.len() * CITY_TAILS.len());
    let head = CITY_HEADS.get(pair / CITY_TAILS.len())?;
    let tail = CITY_TAILS.get(pair % CITY_TAILS.len())?;
    // Cities lie up to 0.75 degrees from the middle of the state, homes up to 0.12 from the city's.
    let off = |factor: usize| (nth * factor % 15_000) as i64 - 7_500;
    Some(Home {
        city: format!("{head}{tail}"),
        zip: format!("{:03}{:02}", of_state.zip + of_city as i64, rng.below(100)),
        latitude: of_state.latitude * 100 + off(7_919) + rng.hump(1_200) - 1_200,
        longitude: of_state.longitude * 100 + off(4_871) + rng.hump(1_200) - 1_200,
    })
}
