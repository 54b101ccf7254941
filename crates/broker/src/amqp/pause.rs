//! The pause between two attempts.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// A pause of 0.1 s that doubles each time up to 5 s; with jitter, so that those who lost the same
/// broker do not all come back at once.
#[derive(Debug)]
pub(crate) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Pause {
    pub(crate) async fn wait(&mut self) {
        let pause = self.0.mul_f64(rand::random_range(0.5..1.0));
        self.0 = (self.0 * 2).min(LONGEST);
        tokio::time::sleep(pause).await;
    }
}
