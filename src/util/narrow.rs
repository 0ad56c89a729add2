//! Numbers in fewer bytes, for what is kept a million times.

/// A number of four bytes and `HIGH` more, aligned to one. Greater numbers become the greatest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Narrow<const HIGH: usize> {
    low: [u8; 4],
    high: [u8; HIGH],
}

/// Milliseconds of 34 years.
pub(crate) type U40 = Narrow<1>;
/// Milliseconds of 8,900 years.
pub(crate) type U48 = Narrow<2>;

impl<const HIGH: usize> Narrow<HIGH> {
    pub(crate) const MAX: Self = Self { low: [u8::MAX; 4], high: [u8::MAX; HIGH] };

    #[inline(always)]
    pub(crate) fn get(self) -> u64 {
        let mut high = [0; 4];
        high[..HIGH].copy_from_slice(&self.high);
        u64::from(u32::from_le_bytes(self.low)) | u64::from(u32::from_le_bytes(high)) << 32
    }
}

impl<const HIGH: usize> From<u64> for Narrow<HIGH> {
    #[inline]
    fn from(number: u64) -> Self {
        let number = number.min(Self::MAX.get());
        let high = ((number >> 32) as u32).to_le_bytes();
        Self { low: (number as u32).to_le_bytes(), high: std::array::from_fn(|at| high[at]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_and_greater_ones_become_the_greatest() {
        for bit in 0..64 {
            let power = 1u64 << bit;
            for number in [power, power - 1, power + 1, u64::MAX >> bit, 0x0f1e_2d3c_4b5a_6978 >> bit] {
                assert_eq!(U40::from(number).get(), number.min((1 << 40) - 1), "{number:x}");
                assert_eq!(U48::from(number).get(), number.min((1 << 48) - 1), "{number:x}");
            }
        }
        assert_eq!((size_of::<U40>(), size_of::<U48>(), align_of::<U48>()), (5, 6, 1));
    }
}
