//! "Did you mean": the known word that is closest to a misspelt one.

/// More candidates than these are not compared, so that a hint never costs noticeable time.
const CANDIDATES: usize = 1_000;
/// Longer words than this, in bytes, get no hint.
const LENGTH: usize = 64;

/// The candidate that a typing slip or two away became `word`, if there is one.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > LENGTH {
        return None;
    }
    let slips = match word.chars().count() {
        0..=2 => return None,
        3..=4 => 1,
        _ => 2,
    };
    candidates
        .into_iter()
        .take(CANDIDATES)
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= slips)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance over bytes, deaf to the case of ASCII letters.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, x) in a.bytes().enumerate() {
        let mut corner = index;
        let mut left = index.saturating_add(1);
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (y, above) in b.bytes().zip(row.iter().skip(1)) {
            let changed = corner.saturating_add(usize::from(!x.eq_ignore_ascii_case(&y)));
            let inserted = left.min(*above).saturating_add(1);
            left = changed.min(inserted);
            corner = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let known = ["max-shift", "earliest", "latest", "vmids"];
        assert_eq!(nearest("max_shift", known), Some("max-shift"));
        assert_eq!(nearest("earlyest", known), Some("earliest"));
        assert_eq!(nearest("VMIDs", known), Some("vmids"));
        assert_eq!(nearest("lastet", known), Some("latest"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn the_distance_counts_slips() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
