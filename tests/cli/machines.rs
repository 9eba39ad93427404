//! Which years `plan`, `check` and the hook permit on which machine: those that `tests/lab_matrix.rs`
//! sees come up right on real guests.
use super::*;

/// The years, and those beside the bounds of any machine.
const YEARS: [i16; 14] = [
    1969, 1970, 1997, 1998, 1999, 2038, 2069, 2070, 2097, 2098, 2099, 2100, 2105, 2106,
];

/// On a VM with this config, exactly the years from `first` to `last` are permitted, by all three
/// alike, and the refusal names them as years of `holder`.
fn holds(config: &str, first: i16, last: i16, holder: &str) {
    let world = world();
    world.vm(100, &format!("{HOOKSCRIPT}{config}"));
    for year in YEARS {
        let target = format!("{year}-06-15T12:00:00Z");
        let wide = allow(&target)
            .replace("1970-01-01", "1900-01-01")
            .replace("2105-12-31", "2200-12-31");
        world.write(LOCAL, wide);
        let [hook, check] = [world.hook(100, "pre-start"), world.cli(&["check"])];
        if (first..=last).contains(&year) {
            let answer = plan(&world, &["100"], 0);
            assert_eq!(answer["decision"], "permit", "{config:?}: {answer}");
            assert_eq!(answer["guest_time"], target);
            assert_eq!((check.code, hook.code), (Some(0), Some(0)), "{check:?}");
            check.says(&[match year {
                ..2038 => "nothing found",
                _ => "YEAR_2038",
            }]);
            hook.says(&["is to boot at", &target]);
        } else {
            let answer = plan(&world, &["100"], 3);
            assert_eq!(answer["reason"], "MACHINE_CANNOT_HOLD");
            let years = format!("{holder} holds the years {first} to {last} only");
            let why = ["MACHINE_CANNOT_HOLD", &years, &target];
            world.cli(&["plan", "100"]).says(&why);
            check.one_line(1, &why);
            hook.one_line(0, &why);
        }
    }
}

#[test]
fn only_years_that_a_pc_shows_right_are_permitted_a10() {
    holds("", 1970, 2069, "the RTC of machine type pc");
}

#[test]
fn only_years_that_were_tested_on_a_q35_are_permitted_a10() {
    holds("machine: q35\n", 1970, 2105, "the RTC of this machine type");
}

#[test]
fn only_years_that_ovmf_leaves_alone_are_permitted_a10() {
    let holder = "the RTC of this machine type under OVMF";
    holds("bios: ovmf\nmachine: q35\n", 1998, 2097, holder);
}

#[test]
fn a_pc_under_ovmf_has_the_bounds_of_both_a10() {
    let holder = "the RTC of this machine type under OVMF";
    holds("bios: ovmf\n", 1998, 2069, holder);
}
