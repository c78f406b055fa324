//! Pseudo-random numbers, seeded by the number of the case.

use sandbar_shop::Rng;

/// A source of random numbers.
#[derive(Clone, Debug)]
pub struct Random(Rng);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        // Cases that follow each other start far apart.
        let start = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0xD1B5_4A32_D192_ED03);
        Self(Rng::new(start))
    }

    /// Numbers of their own, which take none of these away.
    pub fn aside(&self, name: u64) -> Self {
        Self::new(self.0.clone().bits() ^ name)
    }

    /// A number below `n`, which is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        (self.0.bits() % n.max(1) as u64) as usize
    }

    /// A number from the first to the last.
    pub fn within(&mut self, first: i64, last: i64) -> i64 {
        first + (self.0.bits() % (last - first + 1).max(1) as u64) as i64
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// One of these names.
    pub fn name(&mut self, all: &[&'static str]) -> &'static str {
        all[self.below(all.len())]
    }
}
