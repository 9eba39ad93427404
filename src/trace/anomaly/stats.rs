//! What is usual: the median, and the median distance from it (MAD), which a few odd values hardly move.

/// The median of some numbers; 0 of none.
pub(super) fn median(values: &mut [i64]) -> i64 {
    values.sort_unstable();
    let middle = values.len().div_euclid(2);
    values.get(middle).copied().unwrap_or(0)
}

/// Above this a number is unusual: the median and six times the MAD, at least twice the median, and
/// at least `floor`.
pub(super) fn limit(values: &mut [i64], floor: i64) -> i64 {
    let middle = median(values);
    let mut distances: Vec<i64> = values
        .iter()
        .map(|value| value.saturating_sub(middle).saturating_abs())
        .collect();
    let spread = median(&mut distances);
    middle
        .saturating_add(spread.saturating_mul(6))
        .max(middle.saturating_mul(2))
        .max(floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_odd_values_hardly_move_the_limit() {
        assert_eq!(median(&mut []), 0);
        assert_eq!(median(&mut [3, 1, 2]), 2);
        let usual = [100, 110, 90, 105, 95, 100, 100];
        let limit_of = |extra: &[i64]| limit(&mut [&usual[..], extra].concat(), 0);
        assert_eq!(limit_of(&[]), 200);
        assert_eq!(limit_of(&[100_000]), 200);
        assert_eq!(limit(&mut [1, 1, 1], 5), 5);
    }
}
