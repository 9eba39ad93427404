//! A date at which all certificates of one or more servers are valid.
use std::fmt;
use std::time::Duration;

use crate::model::{CalendarSecond, Validity};

/// When something is valid, and what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// For people.
    pub label: String,
    /// When.
    pub validity: Validity,
}

/// Why there is no date.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// There is nothing to choose by.
    Nothing,
    /// One ends before it begins.
    Never(Window),
    /// One is over before the other begins.
    Pair(Box<(Window, Window)>, Vec<Window>),
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Conflict::Nothing => f.write_str("there is no certificate to choose a date by"),
            Conflict::Never(window) => write!(
                f,
                "there is no date at which {} is valid: it is to be valid from {}",
                window.label, window.validity
            ),
            Conflict::Pair(pair, all) => {
                let (early, late) = pair.as_ref();
                write!(
                    f,
                    "there is no date at which all certificates are valid: {} is over on {}, before {} begins on \
                     {}; all of them:",
                    early.label, early.validity.not_after, late.label, late.validity.not_before
                )?;
                for (number, window) in all.iter().enumerate() {
                    let comma = if number == 0 { " " } else { ", " };
                    write!(f, "{comma}{} ({})", window.label, window.validity)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Conflict {}

/// When all are valid.
///
/// # Errors
/// [`Conflict`], which names two that are never valid together.
pub fn common(windows: &[Window]) -> Result<Validity, Conflict> {
    if let Some(never) = windows.iter().find(|window| !window.validity.is_possible()) {
        return Err(Conflict::Never(never.clone()));
    }
    let first_over = windows
        .iter()
        .min_by_key(|window| window.validity.not_after);
    let last_begun = windows
        .iter()
        .max_by_key(|window| window.validity.not_before);
    let (Some(early), Some(late)) = (first_over, last_begun) else {
        return Err(Conflict::Nothing);
    };
    let validity = Validity {
        not_before: late.validity.not_before,
        not_after: early.validity.not_after,
    };
    match validity.is_possible() {
        true => Ok(validity),
        false => Err(Conflict::Pair(
            Box::new((early.clone(), late.clone())),
            windows.to_vec(),
        )),
    }
}

/// A date at which all are valid, `margin` before the first is over if that can be.
///
/// # Errors
/// [`Conflict`].
pub fn choose(windows: &[Window], margin: Duration) -> Result<CalendarSecond, Conflict> {
    common(windows)?.date(margin).ok_or(Conflict::Nothing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Standing;

    fn window(label: &str, from: i64, to: i64) -> Window {
        let second = |days: i64| CalendarSecond::from_seconds(days * 86_400).unwrap();
        Window {
            label: label.to_owned(),
            validity: Validity {
                not_before: second(from),
                not_after: second(to),
            },
        }
    }

    #[test]
    fn the_date_lies_in_all_windows() {
        let windows = [
            window("a", 0, 1000),
            window("b", 500, 2000),
            window("c", 0, 3000),
        ];
        let date = choose(&windows, Validity::MARGIN).unwrap();
        assert_eq!(date.seconds(), (1000 - 30) * 86_400);
    }

    #[test]
    fn a_conflict_names_the_pair_and_lists_all() {
        let windows = [
            window("a", 0, 100),
            window("b", 50, 150),
            window("c", 120, 400),
        ];
        let conflict = choose(&windows, Validity::MARGIN).unwrap_err();
        let text = conflict.to_string();
        assert!(
            text.contains(
                "a is over on 1970-04-11T00:00:00Z, before c begins on 1970-05-01T00:00:00Z"
            ),
            "{text}"
        );
        assert!(
            text.contains("b (1970-02-20T00:00:00Z to 1970-05-31T00:00:00Z)"),
            "{text}"
        );
        assert_eq!(choose(&[], Validity::MARGIN), Err(Conflict::Nothing));
        let never = choose(&[window("a", 0, 10), window("n", 5, 4)], Validity::MARGIN);
        assert_eq!(never, Err(Conflict::Never(window("n", 5, 4))));
    }

    proptest! {
        #[test]
        fn a_date_is_valid_for_each_or_two_exclude_each_other(
            ends in proptest::collection::vec((-20_000_i64..80_000, 0_i64..40_000), 1..8), margin in 0_u64..1_000_000_000
        ) {
            let windows: Vec<Window> = ends.iter().map(|(from, days)| window("w", *from, from + days)).collect();
            match choose(&windows, Duration::from_secs(margin)) {
                Ok(date) => {
                    for window in &windows {
                        prop_assert_eq!(window.validity.standing(date), Standing::Valid);
                    }
                }
                Err(Conflict::Pair(pair, _)) => prop_assert!(!pair.0.validity.and(pair.1.validity).is_possible()),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }
}
