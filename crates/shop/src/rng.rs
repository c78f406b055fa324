//! Random numbers that are the same for ever: SplitMix64 and integer draws upon it.
//!
//! Written here because the values are a promise (checksums are pinned) and libraries reserve the
//! right to change theirs. Not for secrets.

/// A stream of random numbers.
///
/// The step is SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators",
/// 2014).
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The stream with this seed; each table has its own, so that none disturbs another.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = self.state;
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero up to, not including, `bound`; zero if `bound` is zero or less.
    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound).unwrap_or(0);
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as i64
    }

    /// The sum of two draws below `bound`: most often near `bound - 1`, seldom near the ends.
    pub(crate) fn hump(&mut self, bound: i64) -> i64 {
        self.below(bound) + self.below(bound)
    }

    /// True once in `n` draws.
    pub(crate) fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    /// One entry of a list, all equally likely; the default if the list is empty.
    pub(crate) fn pick<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let at = self.below(list.len() as i64);
        list.get(at as usize).copied().unwrap_or_default()
    }

    /// `picks` different row numbers below `rows`, ascending: one out of each equal stretch.
    pub(crate) fn spread(&mut self, rows: usize, picks: usize) -> Vec<usize> {
        let stretch = rows.checked_div(picks).unwrap_or(0);
        (0..picks).map(|pick| pick * stretch + self.below(stretch as i64) as usize).collect()
    }
}

/// Weights of the entries of a list, summed up so that a draw is one search.
pub(crate) struct Weights {
    cumulative: Vec<i64>,
}

impl Weights {
    /// The weights in the order of the list; none is negative.
    pub(crate) fn new(weights: impl IntoIterator<Item = i64>) -> Self {
        let mut sum = 0;
        let cumulative = weights.into_iter().map(|weight| {
            sum += weight;
            sum
        });
        Self { cumulative: cumulative.collect() }
    }

    /// An entry out of all.
    pub(crate) fn draw(&self, rng: &mut Rng) -> usize {
        self.draw_among(rng, self.cumulative.len())
    }

    /// An entry out of the first `count`; at least one of them must have weight.
    pub(crate) fn draw_among(&self, rng: &mut Rng, count: usize) -> usize {
        let last = count.checked_sub(1).and_then(|last| self.cumulative.get(last));
        let drawn = rng.below(last.copied().unwrap_or(0));
        self.cumulative.partition_point(|&sum| sum <= drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // The published test vector of seed 1234567.
        let mut rng = Rng::new(1_234_567);
        let first = [rng.bits(), rng.bits(), rng.bits()];
        assert_eq!(first, [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }

    #[test]
    fn draws_stay_in_bounds() {
        let mut rng = Rng::new(1);
        assert_eq!((rng.below(0), rng.below(-5), rng.below(1)), (0, 0, 0));
        assert!((0..1_000).all(|_| (0..7).contains(&rng.below(7))));
        assert!((0..1_000).all(|_| (0..=12).contains(&rng.hump(7))));
        assert_eq!(rng.pick::<&str>(&[]), "");
        let picks = rng.spread(100, 7);
        assert!(
            picks.len() == 7 && picks.is_sorted_by(|a, b| a < b) && picks.iter().all(|&p| p < 100)
        );
        assert!(rng.spread(100, 0).is_empty());
    }

    #[test]
    fn entries_without_weight_are_never_drawn() {
        let (weights, mut rng) = (Weights::new([0, 3, 0, 1, 0]), Rng::new(2));
        assert!((0..1_000).all(|_| matches!(weights.draw(&mut rng), 1 | 3)));
        assert!((0..1_000).all(|_| weights.draw_among(&mut rng, 3) == 1));
    }
}
