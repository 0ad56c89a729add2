//! Corpora, and small changes at random for where there is no fuzzer.

use std::path::Path;

/// Xorshift (Marsaglia 2003): the same numbers for the same seed, with no crate.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end.max(1)
    }
}

/// The files of a corpus, in the order of their names.
pub(crate) fn corpus(directory: &Path) -> Vec<Vec<u8>> {
    let files =
        std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let inputs: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!inputs.is_empty(), "{} is empty", directory.display());
    inputs
}

/// An input of the corpus with one to six changes.
pub(crate) fn mutated(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = corpus[dice.below(corpus.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(input.len() + 1);
        let end = (at + 1 + dice.below(8)).min(input.len());
        match dice.below(6) {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 if at < end => drop(input.drain(at..end)),
            2 if at < end => {
                let part = input[at..end].to_vec();
                let to = dice.below(input.len() + 1);
                input.splice(to..to, part);
            }
            3 => input.insert(at, *b" \0\t\n%=;,./\\\"{}[]:0aZ\xff".get(dice.below(22)).unwrap_or(&b'-')),
            // The start of this one and the end of another.
            4 => {
                let other = &corpus[dice.below(corpus.len())];
                input.truncate(at);
                input.extend_from_slice(&other[dice.below(other.len() + 1)..]);
            }
            _ if at < input.len() => input[at] = u8::try_from(dice.below(256)).unwrap_or_default(),
            _ => {}
        }
    }
    input
}
