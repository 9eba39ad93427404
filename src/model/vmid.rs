//! The number of a guest, as Proxmox VE takes it.
use std::fmt;

use serde::{Deserialize, Serialize};

/// A guest's number: 100 to 999999999 (the `pve-vmid` format of Proxmox VE, `[1-9][0-9]{2,8}`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct VmId(u32);

/// Why a text or number is no VMID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VmIdError;

impl fmt::Display for VmIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a VMID is a whole number from 100 to 999999999, written in digits only")
    }
}

impl std::error::Error for VmIdError {}

impl VmId {
    /// Smallest VMID there is.
    pub const MIN: VmId = VmId(100);
    /// Largest VMID there is.
    pub const MAX: VmId = VmId(999_999_999);

    /// Reads a VMID from bytes as they come from outside: three to nine ASCII digits, the first
    /// not `0`, nothing before or after.
    ///
    /// # Errors
    /// Everything else is a [`VmIdError`].
    pub fn parse(bytes: &[u8]) -> Result<VmId, VmIdError> {
        if !(3..=9).contains(&bytes.len()) || bytes.first() == Some(&b'0') {
            return Err(VmIdError);
        }
        let mut number: u32 = 0;
        for byte in bytes {
            if !byte.is_ascii_digit() {
                return Err(VmIdError);
            }
            let digit = u32::from(byte.wrapping_sub(b'0'));
            number = number
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(digit))
                .ok_or(VmIdError)?;
        }
        VmId::try_from(number)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for VmId {
    type Error = VmIdError;

    fn try_from(number: u32) -> Result<VmId, VmIdError> {
        if (VmId::MIN.0..=VmId::MAX.0).contains(&number) {
            Ok(VmId(number))
        } else {
            Err(VmIdError)
        }
    }
}

impl From<VmId> for u32 {
    fn from(vmid: VmId) -> u32 {
        vmid.0
    }
}

impl fmt::Display for VmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_range_of_proxmox_is_taken() {
        for good in ["100", "101", "999", "1000", "999999999"] {
            assert_eq!(VmId::parse(good.as_bytes()).unwrap().to_string(), good);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let bad: [&[u8]; 15] = [
            b"",
            b"0",
            b"1",
            b"99",
            b"0100",
            b"+100",
            b"-100",
            b" 100",
            b"100\n",
            b"100 ",
            b"1000000000",
            b"1e3",
            b"0x64",
            b"10\xff",
            "\u{0661}\u{0660}\u{0660}".as_bytes(),
        ];
        for text in bad {
            assert_eq!(VmId::parse(text), Err(VmIdError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_prints_back_to_itself(text in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(vmid) = VmId::parse(&text) {
                prop_assert_eq!(vmid.to_string().into_bytes(), text);
            }
        }

        #[test]
        fn every_number_in_range_is_taken(number in 100_u32..=999_999_999) {
            prop_assert_eq!(VmId::parse(number.to_string().as_bytes()).unwrap().get(), number);
        }
    }
}
