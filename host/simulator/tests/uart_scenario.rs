//! The MPU-401 subdevice from boot to unload: the native build, and the image where it was built.

mod binaries;

use dmusmini::portcls::abi::{DataFlow, PowerState};
use dmusmini::portcls::guids::KSDATAFORMAT_SUBTYPE_DIRECTMUSIC;
use dmusmini_simulator::chip::Config;
use dmusmini_simulator::session::{
    Captured, Device, Format, Hardware, MusicBuffer, Pin, Session, TimedMessage, UartPlayer,
};
use dmusmini_simulator::tracking_allocator::TrackingAllocator;

use binaries::in_every_build;

#[global_allocator]
static ALLOCATOR: TrackingAllocator = TrackingAllocator;

fn install(session: &Session) -> Device {
    session
        .install(&Hardware::uart(Config::default()))
        .expect("install")
}

fn capture_pin(device: &Device) -> Pin {
    let filter = device.filter("UART").expect("the filter");
    let pin = filter
        .pin_of(&KSDATAFORMAT_SUBTYPE_DIRECTMUSIC, DataFlow::Out)
        .expect("a pin");
    filter.open(pin, &Format::DirectMusic).expect("open")
}

fn note(at: i64, key: u8) -> TimedMessage {
    TimedMessage {
        at,
        group: 1,
        bytes: vec![0x90, key, 100],
    }
}

#[test]
fn messages_arrive_on_the_wire_in_order_and_on_time() {
    in_every_build(|session| {
        let device = install(session);
        let player = UartPlayer::open(&device).expect("open");
        let messages = (0..50_u8).map(|n| note(i64::from(n) * 100_000, 40 + n));
        let (flown, start) = player.play(session, messages);
        let bytes: Vec<u8> = flown.iter().map(|flown| flown.byte).collect();
        let expected: Vec<u8> = (0..50).flat_map(|n| [0x90, 40 + n, 100]).collect();
        assert_eq!(bytes, expected);
        for (flown, due) in flown.iter().step_by(3).zip((start..).step_by(100_000)) {
            // The sequencer's tick of a millisecond, and an access or two.
            assert!(
                (due..due + 11_000).contains(&flown.start),
                "{} {due}",
                flown.start
            );
        }
        assert_eq!(player.close(), 0);
    });
}

#[test]
fn a_long_system_exclusive_message_stays_whole() {
    in_every_build(|session| {
        let device = install(session);
        let player = UartPlayer::open(&device).expect("open");
        let mut message: Vec<u8> = (0..5_000_u16).map(|n| (n % 128) as u8).collect();
        message.insert(0, 0xF0);
        message.push(0xF7);
        let whole = TimedMessage {
            at: 0,
            group: 1,
            bytes: message.clone(),
        };
        let (flown, _) = player.play(session, [whole]);
        let bytes: Vec<u8> = flown.iter().map(|flown| flown.byte).collect();
        assert_eq!(bytes, message);
        assert_eq!(player.close(), 0);
    });
}

#[test]
fn raw_bytes_of_a_legacy_client_arrive() {
    in_every_build(|session| {
        let device = install(session);
        let player = UartPlayer::open_legacy(&device).expect("open");
        let buffer = MusicBuffer::new()
            .run(5, &[0x90, 60, 1, 61, 2])
            .run(5, &[0xC3, 7]);
        player
            .pin()
            .write(session.master_time(), buffer.bytes())
            .expect("well formed");
        session.machine().advance(500_000);
        let bytes: Vec<u8> = device.take_sent().iter().map(|flown| flown.byte).collect();
        assert_eq!(bytes, [0x90, 60, 1, 0x90, 61, 2, 0xC3, 7]);
        assert_eq!(player.close(), 0);
    });
}

#[test]
fn captured_messages_carry_the_time_of_their_first_byte() {
    in_every_build(|session| {
        let device = install(session);
        let pin = capture_pin(&device);
        pin.run().expect("run");
        let kernel = session.machine();
        let at = kernel.now() + 1_000_000;
        let chip = device.chip().expect("a chip");
        chip.borrow_mut()
            .play(at, [0x90, 60, 100, 61, 0, 0xF0, 1, 2, 0xF8, 3, 0xF7]);
        kernel.advance(5_000_000);
        let captured = pin.captured();
        let bytes: Vec<_> = captured
            .iter()
            .map(|message| message.bytes.clone())
            .collect();
        let expected: [&[u8]; 4] = [
            &[0x90, 60, 100],
            &[0x90, 61, 0],
            &[0xF8],
            &[0xF0, 1, 2, 3, 0xF7],
        ];
        assert_eq!(bytes, expected);
        // Byte n is in the receiver 320 us times n + 1 after the first start bit.
        for (Captured { time, .. }, byte) in captured.iter().zip([0, 3, 8, 5]) {
            let arrived = i64::try_from(at).expect("small") + 3_200 * (byte + 1);
            assert!(
                (arrived..arrived + 3_200).contains(time),
                "{time} {arrived}"
            );
        }
        assert_eq!(pin.close(), 0);
    });
}

#[test]
fn power_comes_and_goes_in_the_middle_of_a_song() {
    in_every_build(|session| {
        let device = install(session);
        let player = UartPlayer::open(&device).expect("open");
        assert!(device.set_power(PowerState::D3).is_success());
        session.machine().advance(10_000_000);
        assert!(device.set_power(PowerState::D0).is_success());
        let _ = device.take_sent();
        let (flown, _) = player.play(session, [note(0, 60)]);
        let bytes: Vec<u8> = flown.iter().map(|flown| flown.byte).collect();
        assert_eq!(bytes, [0x90, 60, 100]);
        assert_eq!(player.close(), 0);
    });
}

#[test]
fn surprise_removal_ends_everything_without_a_port_access() {
    in_every_build(|session| {
        let device = install(session);
        let player = UartPlayer::open(&device).expect("open");
        let capture = capture_pin(&device);
        capture.run().expect("run");
        player
            .pin()
            .send(session.master_time() + 100_000, 1, &[0x90, 60, 100]);
        assert!(device.surprise_remove().is_success());
        let accesses = device.chip().expect("a chip").borrow().accesses();
        player
            .pin()
            .send(session.master_time(), 1, &[0x90, 61, 100]);
        session.machine().advance(1_000_000);
        assert_eq!(capture.close(), 0);
        assert_eq!(player.close(), 0);
        assert!(device.remove().is_success());
        assert_eq!(device.chip().expect("a chip").borrow().accesses(), accesses);
    });
}

#[test]
fn a_device_comes_and_goes_a_hundred_times() {
    in_every_build(|session| {
        let mut bytes = Vec::new();
        for _ in 0..100 {
            let device = install(session);
            assert!(device.stop().is_success());
            assert!(device.start().is_success());
            assert_eq!(device.subdevices(), ["UART"]);
            assert!(device.remove().is_success());
            bytes.push(session.machine().pool().counters().bytes);
        }
        assert!(bytes.iter().all(|now| *now == bytes[0]), "{bytes:?}");
    });
}

#[test]
fn the_built_in_miniport_takes_over_where_the_registry_says_so() {
    in_every_build(|session| {
        let hardware = Hardware::uart(Config::default()).with_dword("UseBuiltInUart", 1);
        let device = session.install(&hardware).expect("install");
        assert_eq!(session.portcls_objects("IMiniportDMus (built in)"), 1);
        let player = UartPlayer::open(&device).expect("open");
        let (flown, _) = player.play(session, (0..20).map(|n| note(i64::from(n) * 50_000, n)));
        let bytes: Vec<u8> = flown.iter().map(|flown| flown.byte).collect();
        let expected: Vec<u8> = (0..20).flat_map(|n| [0x90, n, 100]).collect();
        assert_eq!(bytes, expected);
        let capture = capture_pin(&device);
        capture.run().expect("run");
        let now = session.machine().now();
        device
            .chip()
            .expect("a chip")
            .borrow_mut()
            .play(now, [0xB0, 7, 99, 10, 64]);
        session.machine().advance(1_000_000);
        let bytes: Vec<_> = capture
            .captured()
            .into_iter()
            .map(|message| message.bytes)
            .collect();
        assert_eq!(bytes, [[0xB0, 7, 99], [0xB0, 10, 64]]);
        assert_eq!(capture.close(), 0);
        assert_eq!(player.close(), 0);
    });
}
