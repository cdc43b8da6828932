//! Numbers that look random, and are the same for the same seed on every machine and version.

/// SplitMix64: small, and good enough to make up rows. Not for secrets.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from one up to and with another.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).wrapping_add(1);
        if span == 0 {
            return self.next().cast_signed();
        }
        // The bias is one in 2^64 over the span: no one sees it in made-up rows.
        low.wrapping_add((self.next() % span).cast_signed())
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(from.len().checked_sub(1)?).unwrap_or(i64::MAX);
        from.get(usize::try_from(self.between(0, last)).unwrap_or(0))
    }

    pub(crate) fn bytes16(&mut self) -> [u8; 16] {
        let wide = u128::from(self.next()) << 64 | u128::from(self.next());
        wide.to_be_bytes()
    }

    /// A UUID of version 4.
    pub(crate) fn uuid(&mut self) -> [u8; 16] {
        let mut bytes = self.bytes16();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range() {
        let mut random = Random::new(7);
        for _ in 0..200 {
            assert!((-3..=3).contains(&random.between(-3, 3)));
        }
        assert_eq!(random.between(5, 5), 5);
        random.between(i64::MIN, i64::MAX);
        assert_eq!(random.pick::<u8>(&[]), None);
        assert_eq!(Random::new(1).next(), Random::new(1).next());
    }
}
