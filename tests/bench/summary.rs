//! Median and spread of samples.
use std::time::Duration;

/// Samples, in order of size.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// From lengths of time, in milliseconds.
    pub(crate) fn new(times: &[Duration]) -> Samples {
        Samples::of(times.iter().map(|time| time.as_secs_f64() * 1e3).collect())
    }

    /// From milliseconds.
    pub(crate) fn of(mut samples: Vec<f64>) -> Samples {
        samples.sort_by(f64::total_cmp);
        Samples(samples)
    }

    /// The value below which this part of the samples lies.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let last = self.0.len() - 1;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let at = (last as f64 * part).round() as usize;
        self.0[at]
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}
