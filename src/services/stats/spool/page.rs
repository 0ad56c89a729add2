/// Which of the refused batches are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// Those with larger ids.
    pub(super) after: u128,
    /// Those up to this id; up to the last one, if it is to be told.
    pub(super) until: Option<u128>,
    pub(super) size: usize,
}

impl Page {
    pub(super) fn of(size: usize) -> Self {
        Self { after: 0, until: None, size }
    }
}
