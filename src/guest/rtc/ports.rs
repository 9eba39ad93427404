//! The RTC's registers through QEMU's human monitor, and its time as QEMU shows it.
use jiff::civil::DateTime;
use serde::Deserialize;

use super::error::RtcError;
use super::registers::{STATUS_A, STATUS_B, STATUS_D, Write};
use crate::guest::qmp::{Command, Monitor, QmpError, typed};
use crate::model::Printable;
use crate::system::Deadline;

/// Makes sure that a write to ports 0x70 and 0x71 meets an RTC.
pub(super) fn must_have_rtc(monitor: &mut Monitor, deadline: Deadline) -> Result<(), RtcError> {
    if !monitor.is_x86(deadline)? {
        return Err(RtcError::NoRtc(
            "the machine is not x86; use the agent stage".to_owned(),
        ));
    }
    match read_rtc(monitor, deadline) {
        Err(QmpError::Refused { text, .. }) => Err(RtcError::NoRtc(text.to_string())),
        other => other.map(drop).map_err(RtcError::Monitor),
    }
}

/// Reads status A and B; the vCPUs stand, since this moves the index.
pub(super) fn read_status(monitor: &mut Monitor, deadline: Deadline) -> Result<(u8, u8), RtcError> {
    let select = |register: u8| Command::human(&format!("o /b 0x70 {register:#04x}"));
    let read = Command::human("i /b 0x71");
    let commands = [
        select(STATUS_A),
        read.clone(),
        select(STATUS_B),
        read,
        select(STATUS_D),
    ];
    let first = monitor.send(&commands, deadline)?;
    let mut ids = (first..).take(5);
    let mut next = || -> Result<serde_json::Value, RtcError> {
        Ok(monitor.answer_to(ids.next().unwrap_or_default(), deadline)?)
    };
    must_be_silent(next()?)?;
    let status_a = port_value(&next()?)?;
    must_be_silent(next()?)?;
    let status_b = port_value(&next()?)?;
    must_be_silent(next()?)?;
    Ok((status_a, status_b))
}

pub(super) fn write_registers(
    monitor: &mut Monitor,
    writes: &[Write],
    deadline: Deadline,
) -> Result<(), RtcError> {
    let mut commands: Vec<Command> = writes.iter().map(register_write).collect();
    // Should this process end here, the index must not stay on a register that matters.
    commands.push(register_write(&(STATUS_D, 0)));
    let first = monitor.send(&commands, deadline)?;
    for id in (first..).take(commands.len()) {
        must_be_silent(monitor.answer_to(id, deadline)?)?;
    }
    Ok(())
}

/// One 16-bit write (`/h`) to port 0x70 reaches the index with its low byte and then the register
/// with its high byte: half as many commands as two writes, and QEMU reads them byte by byte.
pub(super) fn register_write(&(register, value): &Write) -> Command {
    Command::human(&format!(
        "o /h 0x70 {:#06x}",
        u16::from_be_bytes([value, register])
    ))
}

/// The human monitor answers a port write with nothing, and with words where it did not take it.
pub(super) fn must_be_silent(answer: serde_json::Value) -> Result<(), RtcError> {
    match answer.as_str().map(str::trim) {
        Some("") => Ok(()),
        Some(words) => Err(RtcError::WriteRefused(Printable::from(words))),
        None => Err(RtcError::Monitor(QmpError::UnexpectedAnswer)),
    }
}

/// The value in an answer like `portb[0x0071] = 0x02`.
fn port_value(answer: &serde_json::Value) -> Result<u8, RtcError> {
    let text = answer.as_str().unwrap_or_default().trim();
    let value = text
        .rsplit_once("= 0x")
        .and_then(|(_, hex)| u8::from_str_radix(hex, 16).ok());
    value.ok_or_else(|| RtcError::WriteRefused(Printable::from(text)))
}

/// C's `struct tm`, as QEMU's property shows it.
#[derive(Deserialize)]
struct Tm {
    tm_year: i16,
    tm_mon: i8,
    tm_mday: i8,
    tm_hour: i8,
    tm_min: i8,
    tm_sec: i8,
}

pub(super) fn read_rtc(monitor: &mut Monitor, deadline: Deadline) -> Result<DateTime, QmpError> {
    let tm: Tm = typed(monitor.call(&Command::machine_property("rtc-time"), deadline)?)?;
    let year = tm
        .tm_year
        .checked_add(1900)
        .ok_or(QmpError::UnexpectedAnswer)?;
    let month = tm.tm_mon.checked_add(1).ok_or(QmpError::UnexpectedAnswer)?;
    DateTime::new(year, month, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, 0)
        .map_err(|_| QmpError::UnexpectedAnswer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_write_is_one_word() {
        assert_eq!(
            format!("{:?}", register_write(&(0x32, 0x20))),
            format!("{:?}", Command::human("o /h 0x70 0x2032"))
        );
    }

    #[test]
    fn port_answers_are_read_strictly() {
        let value = |text: &str| port_value(&serde_json::Value::from(text)).ok();
        assert_eq!(value("portb[0x0071] = 0x26\r\n"), Some(0x26));
        for bad in [
            "",
            "portb[0x0071] = ",
            "portb[0x0071] = 0x126",
            "unknown command: 'i'",
        ] {
            assert_eq!(value(bad), None, "{bad}");
        }
        assert_eq!(port_value(&serde_json::Value::Null).ok(), None);
    }
}
