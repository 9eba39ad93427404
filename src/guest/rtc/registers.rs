//! The registers of the MC146818, and a date as its fields.
//!
//! Numbers and bits are those of its data sheet and of QEMU's `mc146818rtc`.
use jiff::civil::DateTime;

/// A register's number and the value to be written.
pub(super) type Write = (u8, u8);

/// Status A: divider and rate.
pub(super) const STATUS_A: u8 = 0x0a;
/// Status B: format and update control.
pub(super) const STATUS_B: u8 = 0x0b;
/// Status D: read-only, so a stray write of the guest to it does no harm.
pub(super) const STATUS_D: u8 = 0x0d;

const SECONDS: u8 = 0x00;
const MINUTES: u8 = 0x02;
const HOURS: u8 = 0x04;
const WEEKDAY: u8 = 0x06;
const DAY: u8 = 0x07;
const MONTH: u8 = 0x08;
const YEAR: u8 = 0x09;
const CENTURY: u8 = 0x32;

/// B: updates are halted while the fields are written.
const SET: u8 = 0x80;
/// B: binary numbers; otherwise BCD.
const BINARY: u8 = 0x04;
/// B: 24-hour mode; otherwise 12 hours with PM in the top bit.
const HOURS_24: u8 = 0x02;
const PM: u8 = 0x80;

const RATE_BITS: u8 = 0x0f;
const DIVIDER_BITS: u8 = 0x70;
const DIVIDER_RESET: u8 = 0x70;
/// The largest divider setting with which the clock runs.
const DIVIDER_RUNNING: u8 = 0x20;

/// Whether an RTC with this status A and B counts at all. With SET on the guest is writing it itself.
pub(super) fn runs(status_a: u8, status_b: u8) -> bool {
    status_a & DIVIDER_BITS <= DIVIDER_RUNNING && status_b & SET == 0
}

/// Restarts the RTC's second: right after the last of these writes it is half over.
pub(super) fn restart_second(status_a: u8) -> [Write; 2] {
    let rate = status_a & RATE_BITS;
    [
        (STATUS_A, DIVIDER_RESET | rate),
        (STATUS_A, (status_a & DIVIDER_BITS) | rate),
    ]
}

/// The writes that make the RTC show `time`, in the format that status B asks for.
pub(super) fn set_fields(time: DateTime, status_b: u8) -> [Write; 10] {
    let number = |value: i8| encode(u8::try_from(value).unwrap_or(0), status_b);
    let year = u8::try_from(time.year().rem_euclid(100)).unwrap_or(0);
    let century = u8::try_from(time.year().div_euclid(100)).unwrap_or(0);
    let weekday = time.weekday().to_sunday_one_offset();
    [
        (STATUS_B, status_b | SET),
        (SECONDS, number(time.second())),
        (MINUTES, number(time.minute())),
        (
            HOURS,
            hours(u8::try_from(time.hour()).unwrap_or(0), status_b),
        ),
        (WEEKDAY, number(weekday)),
        (DAY, number(time.day())),
        (MONTH, number(time.month())),
        (YEAR, encode(year, status_b)),
        (CENTURY, encode(century, status_b)),
        (STATUS_B, status_b),
    ]
}

/// A number below 100 as the RTC holds it.
fn encode(value: u8, status_b: u8) -> u8 {
    if status_b & BINARY != 0 {
        return value;
    }
    let tens = value.checked_div(10).unwrap_or(0);
    tens.wrapping_shl(4) | value.checked_rem(10).unwrap_or(0)
}

fn hours(hour: u8, status_b: u8) -> u8 {
    if status_b & HOURS_24 != 0 {
        return encode(hour, status_b);
    }
    let on_the_dial = match hour.checked_rem(12).unwrap_or(0) {
        0 => 12,
        other => other,
    };
    encode(on_the_dial, status_b) | if hour >= 12 { PM } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(time: &str, status_b: u8) -> Vec<Write> {
        set_fields(time.parse().unwrap(), status_b).to_vec()
    }

    #[test]
    fn bcd_and_24_hours_as_firmware_leaves_it() {
        assert_eq!(
            fields("2016-06-15T23:45:59", 0x02),
            [
                (0x0b, 0x82),
                (0x00, 0x59),
                (0x02, 0x45),
                (0x04, 0x23),
                (0x06, 0x04),
                (0x07, 0x15),
                (0x08, 0x06),
                (0x09, 0x16),
                (0x32, 0x20),
                (0x0b, 0x02),
            ]
        );
    }

    #[test]
    fn binary_where_status_b_says_so() {
        let written = fields("1999-12-31T23:45:59", 0x06);
        assert_eq!(
            written[1..9],
            [
                (0, 59),
                (2, 45),
                (4, 23),
                (6, 6),
                (7, 31),
                (8, 12),
                (9, 99),
                (0x32, 19)
            ]
        );
    }

    #[test]
    fn twelve_hours_have_their_pm_bit() {
        for (hour, bcd) in [
            (0, 0x12),
            (1, 0x01),
            (11, 0x11),
            (12, 0x92),
            (13, 0x81),
            (23, 0x91),
        ] {
            assert_eq!(hours(hour, 0x00), bcd, "{hour}");
        }
        assert_eq!(hours(12, 0x04), 0x8c);
    }

    #[test]
    fn the_second_is_restarted_with_the_old_rate_and_base() {
        assert_eq!(restart_second(0x26), [(0x0a, 0x76), (0x0a, 0x26)]);
        assert_eq!(restart_second(0xa6), [(0x0a, 0x76), (0x0a, 0x26)]);
        assert!(runs(0x26, 0x02) && runs(0x06, 0x06));
        for (status_a, status_b) in [(0x66, 0x02), (0x76, 0x02), (0x36, 0x02), (0x26, 0x82)] {
            assert!(!runs(status_a, status_b), "{status_a:#x} {status_b:#x}");
        }
    }

    proptest! {
        /// Decodes as QEMU's rtc_get_time does.
        #[test]
        fn every_time_comes_back_out_of_its_fields(
            year in 1970_i16..2100, month in 1_i8..=12, day in 1_i8..=28, hour in 0_i8..24,
            minute in 0_i8..60, second in 0_i8..60, mode in 0_u8..4,
        ) {
            let status_b = mode << 1;
            let time = jiff::civil::date(year, month, day).at(hour, minute, second, 0);
            let get = |register: u8| {
                set_fields(time, status_b).iter().find(|(r, _)| *r == register).unwrap().1
            };
            let decode = |value: u8| -> i16 {
                if status_b & BINARY != 0 { value.into() } else { (value >> 4) as i16 * 10 + (value & 15) as i16 }
            };
            let raw_hour = get(HOURS);
            let decoded_hour = if status_b & HOURS_24 != 0 {
                decode(raw_hour)
            } else {
                decode(raw_hour & 0x7f) % 12 + if raw_hour & PM != 0 { 12 } else { 0 }
            };
            prop_assert_eq!(decoded_hour, i16::from(hour));
            prop_assert_eq!(decode(get(CENTURY)) * 100 + decode(get(YEAR)), year);
            prop_assert_eq!(decode(get(MONTH)), i16::from(month));
            prop_assert_eq!(decode(get(DAY)), i16::from(day));
            prop_assert_eq!(decode(get(MINUTES)), i16::from(minute));
            prop_assert_eq!(decode(get(SECONDS)), i16::from(second));
        }
    }
}
