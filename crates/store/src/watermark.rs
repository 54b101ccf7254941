//! Up to where a table that is worked off in the order of time has been looked through.

use ekiden_domain::Timestamp;

/// Where the next look through a table begins: where the last one ended, and now and then at the
/// beginning. A look from the beginning passes all that was deleted since the last vacuum; one that
/// goes on does not see what was written, or left, behind it.
#[derive(Clone, Copy, Debug)]
pub struct Watermark {
    at: Timestamp,
    looks: u32,
    whole_each: u32,
}

impl Watermark {
    const BEGINNING: Timestamp = Timestamp::from_millis(0);

    /// Of a table that was never looked through; each `whole_each`-th look begins at the beginning,
    /// and so does every one if that is 0 or 1.
    #[must_use]
    pub const fn new(whole_each: u32) -> Self {
        Self {
            at: Self::BEGINNING,
            looks: 0,
            whole_each,
        }
    }

    /// Begins a look: from when on.
    pub fn begin(&mut self) -> Timestamp {
        if self.looks >= self.whole_each {
            *self = Self::new(self.whole_each);
        }
        self.looks += 1;
        self.at
    }

    /// Remembers that everything before `at` has been looked through.
    pub fn reach(&mut self, at: Timestamp) {
        self.at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_goes_on_from_the_last_and_now_and_then_from_the_beginning() {
        let at = Timestamp::from_millis;
        let mut watermark = Watermark::new(4);
        assert_eq!(watermark.begin(), at(0));
        assert_eq!(watermark.begin(), at(0), "the first did not get anywhere");
        watermark.reach(at(200));
        assert_eq!(watermark.begin(), at(200));
        watermark.reach(at(300));
        assert_eq!(watermark.begin(), at(300));
        assert_eq!(watermark.begin(), at(0), "the fifth is a whole one");
        watermark.reach(at(400));
        assert_eq!(watermark.begin(), at(400));
    }

    #[test]
    fn every_look_may_be_a_whole_one() {
        for whole_each in [0, 1] {
            let mut watermark = Watermark::new(whole_each);
            for _ in 0..3 {
                assert_eq!(watermark.begin(), Timestamp::from_millis(0));
                watermark.reach(Timestamp::from_millis(200));
            }
        }
    }
}
