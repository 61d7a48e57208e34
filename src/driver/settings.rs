//! The registry values of one device (inf section 7).
//!
//! Read once, at StartDevice, from `HKR\Parameters` through `IRegistryKey`. A value that is not
//! there, or is no DWORD, has its default; one out of its range is moved into it, and traced. PASSIVE.
#![expect(
    unsafe_code,
    reason = "an import, and names and values behind pointers"
)]

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::com::{ComRef, Out, Status};
use crate::irql::{Irql, Passive};
use crate::kernel::nt::{DeviceObject, UnicodeString};
use crate::portcls::imports;
use crate::portcls::interfaces::IRegistryKey;
use crate::trace::{self, Event};

/// What the registry says about one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the registry"
)]
pub struct Settings {
    /// Frames a second that the synthesizer prefers.
    pub sample_rate: u32,
    /// Notes that sound at once, where the client does not say.
    pub voices: u16,
    /// 0 linear, 1 four-point, 2 sinc-8, 3 sinc-16.
    pub interpolation: u8,
    /// Whether there is a reverb.
    pub reverb: bool,
    /// Whether there is a chorus.
    pub chorus: bool,
    /// Bytes that all clients of the synthesizer may hold together: downloads, their copies under
    /// way, channel groups and waiting events.
    pub download_quota: u64,
    /// Events that one stream of the synthesizer may hold.
    pub event_queue: u32,
    /// Whether captured bytes are passed on raw, and not as whole messages.
    pub capture_raw: bool,
    /// Whether PortCls' own UART miniport drives the MPU-401.
    pub use_built_in_uart: bool,
    /// How often a device without an interrupt is looked at, in microseconds.
    pub poll_period_us: u32,
    /// Whether an MPU-401 that acknowledges nothing is taken all the same.
    pub assume_uart: bool,
}

impl Settings {
    /// What holds where the registry is silent.
    pub const DEFAULT: Self = Self::of([44_100, 256, 3, 0, 64, 65_536, 0, 0, 1000, 0]);

    /// Reads the device's settings; failing to is no reason not to start it.
    #[must_use]
    pub fn read(irql: &Irql<Passive>, device: NonNull<DeviceObject>) -> Self {
        match parameters_key(irql, device) {
            Ok(key) => Self::of(ROWS.map(|row| row.read(irql, &key))),
            Err(_) => Self::DEFAULT,
        }
    }

    const fn of(values: [u32; ROWS.len()]) -> Self {
        let [
            rate,
            voices,
            interpolation,
            effects,
            quota,
            queue,
            raw,
            built_in,
            poll,
            assume,
        ] = values;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "every value lies in its row's range"
        )]
        Self {
            sample_rate: rate,
            voices: voices as u16,
            interpolation: interpolation as u8,
            reverb: effects & 1 != 0,
            chorus: effects & 2 != 0,
            download_quota: (quota as u64) << 20,
            event_queue: queue,
            capture_raw: raw != 0,
            use_built_in_uart: built_in != 0,
            poll_period_us: poll,
            assume_uart: assume != 0,
        }
    }
}

/// Which values a setting may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// From, to.
    Range(u32, u32),
    /// One of these, ascending.
    OneOf(&'static [u32]),
}

impl Allowed {
    /// The allowed value next to `value`; the lower of two that are equally near.
    fn nearest(self, value: u32) -> u32 {
        match self {
            Self::Range(from, to) => value.max(from).min(to),
            Self::OneOf(list) => {
                let nearest = list.iter().min_by_key(|choice| choice.abs_diff(value));
                nearest.copied().unwrap_or(value)
            }
        }
    }
}

/// One row of the table in inf section 7.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What traces call it.
    pub number: u32,
    /// The value's name, UTF-16.
    pub name: &'static [u16],
    /// What holds where the registry is silent.
    pub default: u32,
    /// What is taken for any other value.
    pub allowed: Allowed,
}

impl Row {
    fn read(&self, irql: &Irql<Passive>, key: &ComRef<IRegistryKey>) -> u32 {
        let Ok(found) = query_dword(irql, key, self.name) else {
            return self.default;
        };
        self.admit(found)
    }

    /// The value that is used for one that was found.
    fn admit(&self, found: u32) -> u32 {
        let used = self.allowed.nearest(found);
        if used != found {
            trace::emit(Event::SettingClamped {
                setting: self.number,
                found,
                used,
            });
        }
        used
    }
}

macro_rules! rows {
    ($($number:literal $name:literal = $default:literal, $allowed:expr;)*) => {
        [$(Row {
            number: $number,
            name: {
                static NAME: [u16; $name.len()] = utf16($name);
                &NAME
            },
            default: $default,
            allowed: $allowed,
        }),*]
    };
}

/// Every registry value that the driver reads.
pub static ROWS: [Row; 10] = rows! {
    0 b"SampleRate" = 44_100,
        Allowed::OneOf(&[8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000]);
    1 b"Voices" = 256, Allowed::Range(1, 1024);
    2 b"Interpolation" = 3, Allowed::Range(0, 3);
    3 b"Effects" = 0, Allowed::Range(0, 3);
    4 b"DownloadQuotaMiB" = 64, Allowed::Range(1, 4096);
    5 b"EventQueue" = 65_536, Allowed::Range(1024, 1_048_576);
    6 b"CaptureRaw" = 0, Allowed::Range(0, 1);
    7 b"UseBuiltInUart" = 0, Allowed::Range(0, 1);
    8 b"PollPeriodUs" = 1000, Allowed::Range(500, 20_000);
    9 b"AssumeUart" = 0, Allowed::Range(0, 1);
};

/// ASCII to UTF-16, for names in statics.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time only")]
const fn utf16<const N: usize>(text: &[u8; N]) -> [u16; N] {
    let mut wide = [0; N];
    let mut index = 0;
    while index < N {
        wide[index] = text[index] as u16;
        index += 1;
    }
    wide
}

/// A counted string over a static name.
fn unicode(name: &'static [u16]) -> UnicodeString {
    let length = u16::try_from(size_of_val(name)).unwrap_or(0);
    UnicodeString {
        length,
        maximum_length: length,
        buffer: name.as_ptr(),
    }
}

/// `DriverRegistryKey`: the device's software key, the INF's HKR.
const DRIVER_REGISTRY_KEY: u32 = 2;
/// `KEY_READ`.
const KEY_READ: u32 = 0x0002_0019;
/// `KeyValuePartialInformation`.
const PARTIAL_INFORMATION: u32 = 2;
/// `REG_DWORD`.
const REG_DWORD: u32 = 4;

static PARAMETERS: [u16; 10] = utf16(b"Parameters");

/// Opens `HKR\Parameters`.
fn parameters_key(
    irql: &Irql<Passive>,
    device: NonNull<DeviceObject>,
) -> Result<ComRef<IRegistryKey>, Status> {
    let mut device_key: Option<ComRef<IRegistryKey>> = None;
    new_device_key(device, Out::from_mut(&mut device_key)).ok()?;
    let device_key = device_key.ok_or(Status::UNSUCCESSFUL)?;
    let name = unicode(&PARAMETERS);
    let mut key: Option<ComRef<IRegistryKey>> = None;
    // SAFETY: the name lives until the call is over; the disposition is optional.
    let opened = unsafe {
        device_key.new_sub_key(
            irql,
            Some(Out::from_mut(&mut key)),
            None,
            KEY_READ,
            &raw const name,
            0,
            ptr::null_mut(),
        )
    };
    opened.ok()?;
    key.ok_or(Status::UNSUCCESSFUL)
}

fn new_device_key(
    device: NonNull<DeviceObject>,
    key: Out<'_, Option<ComRef<IRegistryKey>>>,
) -> Status {
    // SAFETY: the device object is alive during StartDevice; the rest is optional.
    unsafe {
        imports::PcNewRegistryKey(
            Some(key),
            None,
            DRIVER_REGISTRY_KEY,
            KEY_READ,
            device.as_ptr().cast(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
        )
    }
}

/// `KEY_VALUE_PARTIAL_INFORMATION` with a DWORD behind it.
#[repr(C)]
#[derive(Debug, Default)]
struct DwordInformation {
    title_index: u32,
    kind: u32,
    data_length: u32,
    data: u32,
}

fn query_dword(
    irql: &Irql<Passive>,
    key: &ComRef<IRegistryKey>,
    name: &'static [u16],
) -> Result<u32, Status> {
    let mut information = DwordInformation::default();
    let mut needed = 0;
    let name = unicode(name);
    // SAFETY: the name and the place for the value, which has this size, live until the call is
    // over.
    let queried = unsafe {
        key.query_value_key(
            irql,
            &raw const name,
            PARTIAL_INFORMATION,
            (&raw mut information).cast::<c_void>(),
            u32::try_from(size_of::<DwordInformation>()).unwrap_or(0),
            Some(Out::from_mut(&mut needed)),
        )
    };
    queried.ok()?;
    if information.kind == REG_DWORD && information.data_length == 4 {
        Ok(information.data)
    } else {
        Err(Status::NOT_FOUND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::recorder;

    #[test]
    fn defaults_are_allowed() {
        for row in &ROWS {
            assert_eq!(
                row.allowed.nearest(row.default),
                row.default,
                "row {}",
                row.number
            );
        }
        assert_eq!(Settings::DEFAULT, Settings::of(ROWS.map(|row| row.default)));
    }

    #[test]
    fn values_out_of_range_are_moved_and_traced() {
        let [rate, voices, ..] = &ROWS;
        let (used, events) = recorder::record(|| {
            [
                rate.admit(44_000),
                voices.admit(0),
                voices.admit(9999),
                voices.admit(64),
            ]
        });
        assert_eq!(used, [44_100, 1, 1024, 64]);
        let clamped = |setting, found, used| Event::SettingClamped {
            setting,
            found,
            used,
        };
        assert_eq!(
            events,
            [
                clamped(0, 44_000, 44_100),
                clamped(1, 0, 1),
                clamped(1, 9999, 1024)
            ]
        );
    }
}
