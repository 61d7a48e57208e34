//! Our constants, with the names of the headers.

use dmusmini::com::Status;
use dmusmini::portcls::abi::{
    Communication, DataFlow, InterruptSyncMode, KsState, PowerState, StreamType, ValueType,
};
use dmusmini_ks::pin::State;

/// A constant of ours.
#[derive(Clone, Debug)]
pub(crate) struct Constant {
    /// Its path.
    pub(crate) ours: String,
    /// The header's name; `sizeof A` is the size of the structure A.
    pub(crate) theirs: &'static str,
    /// Its bits, extended by zeros.
    pub(crate) bits: u64,
    /// How many bytes they are.
    pub(crate) bytes: usize,
}

/// What a constant can be.
trait Bits: Copy {
    fn bits(self) -> u64;
}

macro_rules! bits {
    ($($type:ty: $it:ident => $bits:expr;)*) => {
        $(impl Bits for $type {
            fn bits(self) -> u64 {
                let $it = self;
                u64::try_from($bits).unwrap()
            }
        })*
    };
}

bits! {
    u8: it => it;
    u16: it => it;
    u32: it => it;
    u64: it => it;
    usize: it => it;
    i32: it => it.cast_unsigned();
    Status: it => it.to_bits();
    KsState: it => it.0.cast_unsigned();
    StreamType: it => it.0.cast_unsigned();
    PowerState: it => it.0.cast_unsigned();
    DataFlow: it => it as u32;
    Communication: it => it as u32;
    InterruptSyncMode: it => it as u32;
    ValueType: it => it as u32;
    State: it => it as u32;
}

macro_rules! constants {
    ($($path:path = $theirs:literal;)*) => {
        vec![$(Constant {
            ours: stringify!($path).replace(' ', ""),
            theirs: $theirs,
            bits: $path.bits(),
            bytes: size_of_val(&$path),
        }),*]
    };
}

/// All of them. A test sees to it that none is left out.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn all() -> Vec<Constant> {
    constants! {
        dmusmini::portcls::abi::DataFlow::In = "KSPIN_DATAFLOW_IN";
        dmusmini::portcls::abi::DataFlow::Out = "KSPIN_DATAFLOW_OUT";
        dmusmini::portcls::abi::Communication::None = "KSPIN_COMMUNICATION_NONE";
        dmusmini::portcls::abi::Communication::Sink = "KSPIN_COMMUNICATION_SINK";
        dmusmini::portcls::abi::Communication::Source = "KSPIN_COMMUNICATION_SOURCE";
        dmusmini::portcls::abi::Communication::Both = "KSPIN_COMMUNICATION_BOTH";
        dmusmini::portcls::abi::Communication::Bridge = "KSPIN_COMMUNICATION_BRIDGE";
        dmusmini::portcls::abi::ValueType::Empty = "VT_EMPTY";
        dmusmini::portcls::abi::ValueType::I4 = "VT_I4";
        dmusmini::portcls::abi::ValueType::Bool = "VT_BOOL";
        dmusmini::portcls::abi::ValueType::Ui4 = "VT_UI4";
        dmusmini::portcls::abi::ValueType::Ui8 = "VT_UI8";
        dmusmini::portcls::abi::ValueType::UintPtr = "VT_UINT_PTR";
        dmusmini::portcls::abi::ValueType::Blob = "VT_BLOB";
        dmusmini::portcls::abi::FILTER_NODE = "PCFILTER_NODE";
        dmusmini::portcls::abi::verb::GET = "PCPROPERTY_ITEM_FLAG_GET";
        dmusmini::portcls::abi::verb::SET = "PCPROPERTY_ITEM_FLAG_SET";
        dmusmini::portcls::abi::verb::BASIC_SUPPORT = "PCPROPERTY_ITEM_FLAG_BASICSUPPORT";
        dmusmini::portcls::abi::verb::TOPOLOGY = "KSPROPERTY_TYPE_TOPOLOGY";
        dmusmini::portcls::abi::RESOURCE_PORT_IO = "CM_RESOURCE_PORT_IO";
        dmusmini::portcls::abi::resource_type::PORT = "CmResourceTypePort";
        dmusmini::portcls::abi::resource_type::INTERRUPT = "CmResourceTypeInterrupt";
        dmusmini::portcls::abi::resource_type::MEMORY = "CmResourceTypeMemory";
        dmusmini::portcls::abi::resource_type::DMA = "CmResourceTypeDma";
        dmusmini::portcls::abi::InterruptSyncMode::Normal = "InterruptSyncModeNormal";
        dmusmini::portcls::abi::InterruptSyncMode::All = "InterruptSyncModeAll";
        dmusmini::portcls::abi::InterruptSyncMode::Repeat = "InterruptSyncModeRepeat";
        dmusmini::portcls::abi::PowerState::D0 = "PowerDeviceD0";
        dmusmini::portcls::abi::PowerState::D3 = "PowerDeviceD3";
        dmusmini::portcls::abi::KsState::STOP = "KSSTATE_STOP";
        dmusmini::portcls::abi::KsState::ACQUIRE = "KSSTATE_ACQUIRE";
        dmusmini::portcls::abi::KsState::PAUSE = "KSSTATE_PAUSE";
        dmusmini::portcls::abi::KsState::RUN = "KSSTATE_RUN";
        dmusmini::portcls::abi::StreamType::INVALID = "DMUS_STREAM_MIDI_INVALID";
        dmusmini::portcls::abi::StreamType::MIDI_RENDER = "DMUS_STREAM_MIDI_RENDER";
        dmusmini::portcls::abi::StreamType::MIDI_CAPTURE = "DMUS_STREAM_MIDI_CAPTURE";
        dmusmini::portcls::abi::StreamType::WAVE_SINK = "DMUS_STREAM_WAVE_SINK";
        dmusmini::portcls::abi::DONT_HOLD_FOR_SEQUENCING = "DONT_HOLD_FOR_SEQUENCING";
        dmusmini::portcls::abi::BYTE_POSITION_NONE = "kBytePositionNone";
        dmusmini::portcls::abi::event_flags::COMPLETE = "DMUS_KEF_EVENT_COMPLETE";
        dmusmini::portcls::abi::event_flags::INCOMPLETE = "DMUS_KEF_EVENT_INCOMPLETE";
        dmusmini::portcls::abi::event_flags::PACKAGE = "DMUS_KEF_PACKAGE_EVENT";
        dmusmini::portcls::synth_abi::caps_flags::DLS = "DMUS_PC_DLS";
        dmusmini::portcls::synth_abi::caps_flags::EXTERNAL = "DMUS_PC_EXTERNAL";
        dmusmini::portcls::synth_abi::caps_flags::SOFTWARE_SYNTH = "DMUS_PC_SOFTWARESYNTH";
        dmusmini::portcls::synth_abi::caps_flags::XG_IN_HARDWARE = "DMUS_PC_XGINHARDWARE";
        dmusmini::portcls::synth_abi::caps_flags::DLS2 = "DMUS_PC_DLS2";
        dmusmini::portcls::synth_abi::caps_flags::REVERB = "SYNTH_PC_REVERB";
        dmusmini::portcls::synth_abi::SYSTEM_MEMORY = "DMUS_PC_SYSTEMMEMORY";
        dmusmini::portcls::synth_abi::effects::NONE = "DMUS_EFFECT_NONE";
        dmusmini::portcls::synth_abi::effects::REVERB = "DMUS_EFFECT_REVERB";
        dmusmini::portcls::synth_abi::effects::CHORUS = "DMUS_EFFECT_CHORUS";
        dmusmini::portcls::synth_abi::port_params::VOICES = "DMUS_PORTPARAMS_VOICES";
        dmusmini::portcls::synth_abi::port_params::CHANNEL_GROUPS = "DMUS_PORTPARAMS_CHANNELGROUPS";
        dmusmini::portcls::synth_abi::port_params::AUDIO_CHANNELS = "DMUS_PORTPARAMS_AUDIOCHANNELS";
        dmusmini::portcls::synth_abi::port_params::SAMPLE_RATE = "DMUS_PORTPARAMS_SAMPLERATE";
        dmusmini::portcls::synth_abi::port_params::EFFECTS = "DMUS_PORTPARAMS_EFFECTS";
        dmusmini::portcls::synth_abi::port_params::SHARE = "DMUS_PORTPARAMS_SHARE";
        dmusmini::portcls::synth_abi::stats::VOICES = "DMUS_SYNTHSTATS_VOICES";
        dmusmini::portcls::synth_abi::stats::TOTAL_CPU = "DMUS_SYNTHSTATS_TOTAL_CPU";
        dmusmini::portcls::synth_abi::stats::CPU_PER_VOICE = "DMUS_SYNTHSTATS_CPU_PER_VOICE";
        dmusmini::portcls::synth_abi::stats::LOST_NOTES = "DMUS_SYNTHSTATS_LOST_NOTES";
        dmusmini::portcls::synth_abi::stats::PEAK_VOLUME = "DMUS_SYNTHSTATS_PEAK_VOLUME";
        dmusmini::portcls::synth_abi::stats::FREE_MEMORY = "DMUS_SYNTHSTATS_FREE_MEMORY";
        dmusmini::portcls::synth_abi::synth_property::VOLUME = "KSPROPERTY_SYNTH_VOLUME";
        dmusmini::portcls::synth_abi::synth_property::VOLUME_BOOST = "KSPROPERTY_SYNTH_VOLUMEBOOST";
        dmusmini::portcls::synth_abi::synth_property::CAPS = "KSPROPERTY_SYNTH_CAPS";
        dmusmini::portcls::synth_abi::synth_property::PORT_PARAMETERS = "KSPROPERTY_SYNTH_PORTPARAMETERS";
        dmusmini::portcls::synth_abi::synth_property::CHANNEL_GROUPS = "KSPROPERTY_SYNTH_CHANNELGROUPS";
        dmusmini::portcls::synth_abi::synth_property::VOICE_PRIORITY = "KSPROPERTY_SYNTH_VOICEPRIORITY";
        dmusmini::portcls::synth_abi::synth_property::LATENCY_CLOCK = "KSPROPERTY_SYNTH_LATENCYCLOCK";
        dmusmini::portcls::synth_abi::synth_property::RUNNING_STATS = "KSPROPERTY_SYNTH_RUNNINGSTATS";
        dmusmini::portcls::synth_abi::dls_property::DOWNLOAD = "KSPROPERTY_SYNTH_DLS_DOWNLOAD";
        dmusmini::portcls::synth_abi::dls_property::UNLOAD = "KSPROPERTY_SYNTH_DLS_UNLOAD";
        dmusmini::portcls::synth_abi::dls_property::COMPACT = "KSPROPERTY_SYNTH_DLS_COMPACT";
        dmusmini::portcls::synth_abi::dls_property::APPEND = "KSPROPERTY_SYNTH_DLS_APPEND";
        dmusmini::portcls::synth_abi::dls_property::WAVE_FORMAT = "KSPROPERTY_SYNTH_DLS_WAVEFORMAT";
        dmusmini::kernel::nt::IRP_MJ_PNP = "IRP_MJ_PNP";
        dmusmini::kernel::nt::pnp::START_DEVICE = "IRP_MN_START_DEVICE";
        dmusmini::kernel::nt::pnp::REMOVE_DEVICE = "IRP_MN_REMOVE_DEVICE";
        dmusmini::kernel::nt::pnp::STOP_DEVICE = "IRP_MN_STOP_DEVICE";
        dmusmini::kernel::nt::pnp::SURPRISE_REMOVAL = "IRP_MN_SURPRISE_REMOVAL";
        dmusmini::kernel::nt::POOL_FLAG_USE_QUOTA = "POOL_FLAG_USE_QUOTA";
        dmusmini::kernel::nt::POOL_FLAG_UNINITIALIZED = "POOL_FLAG_UNINITIALIZED";
        dmusmini::kernel::nt::POOL_FLAG_NON_PAGED = "POOL_FLAG_NON_PAGED";
        dmusmini::kernel::nt::POOL_FLAG_PAGED = "POOL_FLAG_PAGED";
        dmusmini::kernel::nt::DELAYED_WORK_QUEUE = "DelayedWorkQueue";
        dmusmini::kernel::nt::EX_TIMER_HIGH_RESOLUTION = "EX_TIMER_HIGH_RESOLUTION";
        dmusmini::com::Status::SUCCESS = "STATUS_SUCCESS";
        dmusmini::com::Status::PENDING = "STATUS_PENDING";
        dmusmini::com::Status::NOT_ALL_ASSIGNED = "STATUS_NOT_ALL_ASSIGNED";
        dmusmini::com::Status::BUFFER_OVERFLOW = "STATUS_BUFFER_OVERFLOW";
        dmusmini::com::Status::UNSUCCESSFUL = "STATUS_UNSUCCESSFUL";
        dmusmini::com::Status::NOT_IMPLEMENTED = "STATUS_NOT_IMPLEMENTED";
        dmusmini::com::Status::ACCESS_VIOLATION = "STATUS_ACCESS_VIOLATION";
        dmusmini::com::Status::INVALID_HANDLE = "STATUS_INVALID_HANDLE";
        dmusmini::com::Status::INVALID_PARAMETER = "STATUS_INVALID_PARAMETER";
        dmusmini::com::Status::INVALID_DEVICE_REQUEST = "STATUS_INVALID_DEVICE_REQUEST";
        dmusmini::com::Status::NO_MEMORY = "STATUS_NO_MEMORY";
        dmusmini::com::Status::BUFFER_TOO_SMALL = "STATUS_BUFFER_TOO_SMALL";
        dmusmini::com::Status::OBJECT_NAME_NOT_FOUND = "STATUS_OBJECT_NAME_NOT_FOUND";
        dmusmini::com::Status::INSUFFICIENT_RESOURCES = "STATUS_INSUFFICIENT_RESOURCES";
        dmusmini::com::Status::NOT_SUPPORTED = "STATUS_NOT_SUPPORTED";
        dmusmini::com::Status::DEVICE_CONFIGURATION_ERROR = "STATUS_DEVICE_CONFIGURATION_ERROR";
        dmusmini::com::Status::INVALID_DEVICE_STATE = "STATUS_INVALID_DEVICE_STATE";
        dmusmini::com::Status::IO_DEVICE_ERROR = "STATUS_IO_DEVICE_ERROR";
        dmusmini::com::Status::NOT_FOUND = "STATUS_NOT_FOUND";
        dmusmini::com::Status::NO_MATCH = "STATUS_NO_MATCH";
        dmusmini::com::Status::DEVICE_REMOVED = "STATUS_DEVICE_REMOVED";
        dmusmini_ks::buffer::RUN_HEADER = "sizeof KSMUSICFORMAT";
        dmusmini_ks::buffer::EVENT_HEADER = "sizeof DMUS_EVENTHEADER";
        dmusmini_ks::buffer::STRUCTURED = "DMUS_EVENT_STRUCTURED";
        dmusmini_ks::property::FILTER_NODE = "KSFILTER_NODE";
        dmusmini_ks::property::verb::GET = "KSPROPERTY_TYPE_GET";
        dmusmini_ks::property::verb::SET = "KSPROPERTY_TYPE_SET";
        dmusmini_ks::property::verb::BASIC_SUPPORT = "KSPROPERTY_TYPE_BASICSUPPORT";
        dmusmini_ks::property::verb::TOPOLOGY = "KSPROPERTY_TYPE_TOPOLOGY";
        dmusmini_ks::property::pin_item::INSTANCES = "KSPROPERTY_PIN_CINSTANCES";
        dmusmini_ks::property::pin_item::TYPES = "KSPROPERTY_PIN_CTYPES";
        dmusmini_ks::property::pin_item::DATA_FLOW = "KSPROPERTY_PIN_DATAFLOW";
        dmusmini_ks::property::pin_item::DATA_RANGES = "KSPROPERTY_PIN_DATARANGES";
        dmusmini_ks::property::pin_item::DATA_INTERSECTION = "KSPROPERTY_PIN_DATAINTERSECTION";
        dmusmini_ks::property::pin_item::INTERFACES = "KSPROPERTY_PIN_INTERFACES";
        dmusmini_ks::property::pin_item::MEDIUMS = "KSPROPERTY_PIN_MEDIUMS";
        dmusmini_ks::property::pin_item::COMMUNICATION = "KSPROPERTY_PIN_COMMUNICATION";
        dmusmini_ks::property::pin_item::GLOBAL_INSTANCES = "KSPROPERTY_PIN_GLOBALCINSTANCES";
        dmusmini_ks::property::pin_item::NECESSARY_INSTANCES = "KSPROPERTY_PIN_NECESSARYINSTANCES";
        dmusmini_ks::property::pin_item::CATEGORY = "KSPROPERTY_PIN_CATEGORY";
        dmusmini_ks::property::pin_item::NAME = "KSPROPERTY_PIN_NAME";
        dmusmini_ks::property::topology_item::CATEGORIES = "KSPROPERTY_TOPOLOGY_CATEGORIES";
        dmusmini_ks::property::topology_item::NODES = "KSPROPERTY_TOPOLOGY_NODES";
        dmusmini_ks::property::topology_item::CONNECTIONS = "KSPROPERTY_TOPOLOGY_CONNECTIONS";
        dmusmini_ks::property::topology_item::NAME = "KSPROPERTY_TOPOLOGY_NAME";
        dmusmini_ks::property::connection_item::STATE = "KSPROPERTY_CONNECTION_STATE";
        dmusmini_ks::property::connection_item::DATA_FORMAT = "KSPROPERTY_CONNECTION_DATAFORMAT";
        dmusmini_ks::pin::PRIORITY_NORMAL = "KSPRIORITY_NORMAL";
        dmusmini_ks::pin::State::Stop = "KSSTATE_STOP";
        dmusmini_ks::pin::State::Acquire = "KSSTATE_ACQUIRE";
        dmusmini_ks::pin::State::Pause = "KSSTATE_PAUSE";
        dmusmini_ks::pin::State::Run = "KSSTATE_RUN";
        dmusmini_ks::pin::flow::IN = "KSPIN_DATAFLOW_IN";
        dmusmini_ks::pin::flow::OUT = "KSPIN_DATAFLOW_OUT";
        dmusmini_ks::pin::communication::NONE = "KSPIN_COMMUNICATION_NONE";
        dmusmini_ks::pin::communication::SINK = "KSPIN_COMMUNICATION_SINK";
        dmusmini_ks::pin::communication::SOURCE = "KSPIN_COMMUNICATION_SOURCE";
        dmusmini_ks::pin::communication::BOTH = "KSPIN_COMMUNICATION_BOTH";
        dmusmini_ks::pin::communication::BRIDGE = "KSPIN_COMMUNICATION_BRIDGE";
        dmusmini_ks::stream::options::TIME_VALID = "KSSTREAM_HEADER_OPTIONSF_TIMEVALID";
        dmusmini_ks::stream::options::DATA_DISCONTINUITY = "KSSTREAM_HEADER_OPTIONSF_DATADISCONTINUITY";
        dmusmini_ks::stream::options::END_OF_STREAM = "KSSTREAM_HEADER_OPTIONSF_ENDOFSTREAM";
        dmusmini_ks::synth::caps::DLS = "DMUS_PC_DLS";
        dmusmini_ks::synth::caps::EXTERNAL = "DMUS_PC_EXTERNAL";
        dmusmini_ks::synth::caps::SOFTWARE_SYNTH = "DMUS_PC_SOFTWARESYNTH";
        dmusmini_ks::synth::caps::XG_IN_HARDWARE = "DMUS_PC_XGINHARDWARE";
        dmusmini_ks::synth::caps::DLS2 = "DMUS_PC_DLS2";
        dmusmini_ks::synth::caps::REVERB = "SYNTH_PC_REVERB";
        dmusmini_ks::synth::SYSTEM_MEMORY = "DMUS_PC_SYSTEMMEMORY";
        dmusmini_ks::synth::port_params::VOICES = "DMUS_PORTPARAMS_VOICES";
        dmusmini_ks::synth::port_params::CHANNEL_GROUPS = "DMUS_PORTPARAMS_CHANNELGROUPS";
        dmusmini_ks::synth::port_params::AUDIO_CHANNELS = "DMUS_PORTPARAMS_AUDIOCHANNELS";
        dmusmini_ks::synth::port_params::SAMPLE_RATE = "DMUS_PORTPARAMS_SAMPLERATE";
        dmusmini_ks::synth::port_params::EFFECTS = "DMUS_PORTPARAMS_EFFECTS";
        dmusmini_ks::synth::port_params::SHARE = "DMUS_PORTPARAMS_SHARE";
        dmusmini_ks::synth::synth_item::VOLUME = "KSPROPERTY_SYNTH_VOLUME";
        dmusmini_ks::synth::synth_item::VOLUME_BOOST = "KSPROPERTY_SYNTH_VOLUMEBOOST";
        dmusmini_ks::synth::synth_item::CAPS = "KSPROPERTY_SYNTH_CAPS";
        dmusmini_ks::synth::synth_item::PORT_PARAMETERS = "KSPROPERTY_SYNTH_PORTPARAMETERS";
        dmusmini_ks::synth::synth_item::CHANNEL_GROUPS = "KSPROPERTY_SYNTH_CHANNELGROUPS";
        dmusmini_ks::synth::synth_item::VOICE_PRIORITY = "KSPROPERTY_SYNTH_VOICEPRIORITY";
        dmusmini_ks::synth::synth_item::LATENCY_CLOCK = "KSPROPERTY_SYNTH_LATENCYCLOCK";
        dmusmini_ks::synth::synth_item::RUNNING_STATS = "KSPROPERTY_SYNTH_RUNNINGSTATS";
        dmusmini_ks::synth::dls_item::DOWNLOAD = "KSPROPERTY_SYNTH_DLS_DOWNLOAD";
        dmusmini_ks::synth::dls_item::UNLOAD = "KSPROPERTY_SYNTH_DLS_UNLOAD";
        dmusmini_ks::synth::dls_item::COMPACT = "KSPROPERTY_SYNTH_DLS_COMPACT";
        dmusmini_ks::synth::dls_item::APPEND = "KSPROPERTY_SYNTH_DLS_APPEND";
        dmusmini_ks::synth::dls_item::WAVE_FORMAT = "KSPROPERTY_SYNTH_DLS_WAVEFORMAT";
        dmusmini_ks::synth::MASTER_CLOCK = "KSPROPERTY_SYNTH_MASTERCLOCK";
        dmusmini_ks::ioctl::PROPERTY = "IOCTL_KS_PROPERTY";
        dmusmini_ks::ioctl::ENABLE_EVENT = "IOCTL_KS_ENABLE_EVENT";
        dmusmini_ks::ioctl::DISABLE_EVENT = "IOCTL_KS_DISABLE_EVENT";
        dmusmini_ks::ioctl::METHOD = "IOCTL_KS_METHOD";
        dmusmini_ks::ioctl::WRITE_STREAM = "IOCTL_KS_WRITE_STREAM";
        dmusmini_ks::ioctl::READ_STREAM = "IOCTL_KS_READ_STREAM";
        dmusmini_ks::ioctl::RESET_STATE = "IOCTL_KS_RESET_STATE";
    }
}
