// What mingw-w64's PortCls headers say, as data of an object file: nothing of it runs. The names of the symbols are
// KIND__NAME or KIND__NAME__MEMBER; `main.rs` reads them.
//
// What the headers lack is in tests/oracle/pinned.tsv.

#define INITGUID
#define PC_NO_IMPORTS
#include <intrin.h>
// What the headers take for granted and this compiler does not have, and what they define a second time.
#define DECLSPEC_NOVTABLE
#define DECLSPEC_NOTHROW
#define InterlockedBitTestAndSet header_InterlockedBitTestAndSet
#define InterlockedBitTestAndReset header_InterlockedBitTestAndReset
extern "C" {
#include <ntddk.h>
}
#include <windef.h>
typedef char TCHAR;
struct KSRTAUDIO_HWLATENCY;
struct KSRTAUDIO_HWREGISTER;
#define NOBITMAP
#include <mmreg.h>
#undef NOBITMAP
#include <portcls.h>
#include <dmusicks.h>

#define DATA extern "C" __attribute__((used))

// Two words: size and alignment.
#define STRUCT(type) DATA const ULONGLONG struct__##type[2] = {sizeof(type), alignof(type)};
// Two words: offset and size.
#define FIELD(type, field)                                                     \
  DATA const ULONGLONG field__##type##__##field[2] = {                         \
      offsetof(type, field), sizeof(((type *)nullptr)->field)};
#define VALUE(name)                                                            \
  DATA const ULONGLONG value__##name[2] = {(ULONGLONG)(name), sizeof(name)};
#define GUID_OF(name) DATA const GUID guid__##name = {STATIC_##name};

// A type as a hexadecimal digit: 0 for nothing, else the bytes of its register, which are 8 for a pointer; 15 is what no register holds.
template <class T> struct Digit { static constexpr ULONGLONG value = sizeof(T) > 8 ? 15 : sizeof(T); };
template <> struct Digit<void> { static constexpr ULONGLONG value = 0; };
template <class T> struct Digit<T &> { static constexpr ULONGLONG value = 8; };

// From the last digit on: the result, the arguments, and a 14 as the end.
template <class... A> struct Digits { static constexpr ULONGLONG value = 14; };
template <class T, class... A> struct Digits<T, A...> {
  static constexpr ULONGLONG value = Digits<A...>::value << 4 | Digit<T>::value;
};
template <class F> struct Signature;
template <class R, class... A> struct Signature<R(A...)> {
  static constexpr ULONGLONG value = Digits<A...>::value << 4 | Digit<R>::value;
};
template <class R, class C, class... A> struct Signature<R (C::*)(A...)> {
  static constexpr ULONGLONG value = Digits<A...>::value << 4 | Digit<R>::value;
};

// A pointer to a virtual method is its offset in the table, plus one.
#define METHOD(type, method)                                                   \
  DATA decltype(&type::method) slot__##type##__##method = &type::method;       \
  DATA const ULONGLONG signature__##type##__##method =                         \
      Signature<decltype(&type::method)>::value;
#define FUNCTION(name)                                                         \
  DATA const ULONGLONG function__##name = Signature<decltype(name)>::value;

STRUCT(PCFILTER_DESCRIPTOR)
FIELD(PCFILTER_DESCRIPTOR, Version)
FIELD(PCFILTER_DESCRIPTOR, AutomationTable)
FIELD(PCFILTER_DESCRIPTOR, PinSize)
FIELD(PCFILTER_DESCRIPTOR, PinCount)
FIELD(PCFILTER_DESCRIPTOR, Pins)
FIELD(PCFILTER_DESCRIPTOR, NodeSize)
FIELD(PCFILTER_DESCRIPTOR, NodeCount)
FIELD(PCFILTER_DESCRIPTOR, Nodes)
FIELD(PCFILTER_DESCRIPTOR, ConnectionCount)
FIELD(PCFILTER_DESCRIPTOR, Connections)
FIELD(PCFILTER_DESCRIPTOR, CategoryCount)
FIELD(PCFILTER_DESCRIPTOR, Categories)

STRUCT(PCPIN_DESCRIPTOR)
FIELD(PCPIN_DESCRIPTOR, MaxGlobalInstanceCount)
FIELD(PCPIN_DESCRIPTOR, MaxFilterInstanceCount)
FIELD(PCPIN_DESCRIPTOR, MinFilterInstanceCount)
FIELD(PCPIN_DESCRIPTOR, AutomationTable)
FIELD(PCPIN_DESCRIPTOR, KsPinDescriptor)

STRUCT(KSPIN_DESCRIPTOR)
FIELD(KSPIN_DESCRIPTOR, InterfacesCount)
FIELD(KSPIN_DESCRIPTOR, Interfaces)
FIELD(KSPIN_DESCRIPTOR, MediumsCount)
FIELD(KSPIN_DESCRIPTOR, Mediums)
FIELD(KSPIN_DESCRIPTOR, DataRangesCount)
FIELD(KSPIN_DESCRIPTOR, DataRanges)
FIELD(KSPIN_DESCRIPTOR, DataFlow)
FIELD(KSPIN_DESCRIPTOR, Communication)
FIELD(KSPIN_DESCRIPTOR, Category)
FIELD(KSPIN_DESCRIPTOR, Name)
FIELD(KSPIN_DESCRIPTOR, ConstrainedDataRangesCount)
FIELD(KSPIN_DESCRIPTOR, ConstrainedDataRanges)

STRUCT(PCNODE_DESCRIPTOR)
FIELD(PCNODE_DESCRIPTOR, Flags)
FIELD(PCNODE_DESCRIPTOR, AutomationTable)
FIELD(PCNODE_DESCRIPTOR, Type)
FIELD(PCNODE_DESCRIPTOR, Name)

STRUCT(PCCONNECTION_DESCRIPTOR)
FIELD(PCCONNECTION_DESCRIPTOR, FromNode)
FIELD(PCCONNECTION_DESCRIPTOR, FromNodePin)
FIELD(PCCONNECTION_DESCRIPTOR, ToNode)
FIELD(PCCONNECTION_DESCRIPTOR, ToNodePin)

STRUCT(PCAUTOMATION_TABLE)
FIELD(PCAUTOMATION_TABLE, PropertyItemSize)
FIELD(PCAUTOMATION_TABLE, PropertyCount)
FIELD(PCAUTOMATION_TABLE, Properties)
FIELD(PCAUTOMATION_TABLE, MethodItemSize)
FIELD(PCAUTOMATION_TABLE, MethodCount)
FIELD(PCAUTOMATION_TABLE, Methods)
FIELD(PCAUTOMATION_TABLE, EventItemSize)
FIELD(PCAUTOMATION_TABLE, EventCount)
FIELD(PCAUTOMATION_TABLE, Events)
FIELD(PCAUTOMATION_TABLE, Reserved)

STRUCT(PCPROPERTY_ITEM)
FIELD(PCPROPERTY_ITEM, Set)
FIELD(PCPROPERTY_ITEM, Id)
FIELD(PCPROPERTY_ITEM, Flags)
FIELD(PCPROPERTY_ITEM, Handler)

STRUCT(PCPROPERTY_REQUEST)
FIELD(PCPROPERTY_REQUEST, MajorTarget)
FIELD(PCPROPERTY_REQUEST, MinorTarget)
FIELD(PCPROPERTY_REQUEST, Node)
FIELD(PCPROPERTY_REQUEST, PropertyItem)
FIELD(PCPROPERTY_REQUEST, Verb)
FIELD(PCPROPERTY_REQUEST, InstanceSize)
FIELD(PCPROPERTY_REQUEST, Instance)
FIELD(PCPROPERTY_REQUEST, ValueSize)
FIELD(PCPROPERTY_REQUEST, Value)
FIELD(PCPROPERTY_REQUEST, Irp)

STRUCT(KSDATAFORMAT_WAVEFORMATEX)
FIELD(KSDATAFORMAT_WAVEFORMATEX, DataFormat)
FIELD(KSDATAFORMAT_WAVEFORMATEX, WaveFormatEx)

STRUCT(CM_PARTIAL_RESOURCE_DESCRIPTOR)
FIELD(CM_PARTIAL_RESOURCE_DESCRIPTOR, Type)
FIELD(CM_PARTIAL_RESOURCE_DESCRIPTOR, ShareDisposition)
FIELD(CM_PARTIAL_RESOURCE_DESCRIPTOR, Flags)
FIELD(CM_PARTIAL_RESOURCE_DESCRIPTOR, u)

STRUCT(DMUS_KERNEL_EVENT)
FIELD(DMUS_KERNEL_EVENT, bReserved)
FIELD(DMUS_KERNEL_EVENT, cbStruct)
FIELD(DMUS_KERNEL_EVENT, cbEvent)
FIELD(DMUS_KERNEL_EVENT, usChannelGroup)
FIELD(DMUS_KERNEL_EVENT, usFlags)
FIELD(DMUS_KERNEL_EVENT, ullPresTime100ns)
FIELD(DMUS_KERNEL_EVENT, ullBytePosition)
FIELD(DMUS_KERNEL_EVENT, pNextEvt)
FIELD(DMUS_KERNEL_EVENT, uData)

VALUE(PCFILTER_NODE)
VALUE(PCPROPERTY_ITEM_FLAG_GET)
VALUE(PCPROPERTY_ITEM_FLAG_SET)
VALUE(PCPROPERTY_ITEM_FLAG_BASICSUPPORT)
VALUE(DONT_HOLD_FOR_SEQUENCING)
VALUE(DMUS_STREAM_MIDI_INVALID)
VALUE(DMUS_STREAM_MIDI_RENDER)
VALUE(DMUS_STREAM_MIDI_CAPTURE)
VALUE(DMUS_STREAM_WAVE_SINK)
VALUE(InterruptSyncModeNormal)
VALUE(InterruptSyncModeAll)
VALUE(InterruptSyncModeRepeat)
VALUE(CmResourceTypePort)
VALUE(CmResourceTypeInterrupt)
VALUE(CmResourceTypeMemory)
VALUE(CmResourceTypeDma)
VALUE(CM_RESOURCE_PORT_IO)
VALUE(KSFILTER_NODE)

GUID_OF(IID_IAllocatorMXF)
GUID_OF(KSNODETYPE_SYNTHESIZER)

METHOD(IPort, Init)
METHOD(IPort, GetDeviceProperty)
METHOD(IPort, NewRegistryKey)
METHOD(IPortDMus, Notify)
METHOD(IPortDMus, RegisterServiceGroup)
METHOD(IMiniport, GetDescription)
METHOD(IMiniport, DataRangeIntersection)
METHOD(IMiniportDMus, Init)
METHOD(IMiniportDMus, Service)
METHOD(IMiniportDMus, NewStream)
METHOD(IMXF, SetState)
METHOD(IMXF, PutMessage)
METHOD(IMXF, ConnectOutput)
METHOD(IMXF, DisconnectOutput)
METHOD(IAllocatorMXF, GetMessage)
METHOD(IAllocatorMXF, GetBufferSize)
METHOD(IAllocatorMXF, GetBuffer)
METHOD(IAllocatorMXF, PutBuffer)
METHOD(IMasterClock, GetTime)
METHOD(IServiceSink, RequestService)
METHOD(IServiceGroup, AddMember)
METHOD(IServiceGroup, RemoveMember)
METHOD(IServiceGroup, SupportDelayedService)
METHOD(IServiceGroup, RequestDelayedService)
METHOD(IServiceGroup, CancelDelayedService)
METHOD(IResourceList, NumberOfEntries)
METHOD(IResourceList, NumberOfEntriesOfType)
METHOD(IResourceList, FindTranslatedEntry)
METHOD(IResourceList, FindUntranslatedEntry)
METHOD(IResourceList, AddEntry)
METHOD(IResourceList, AddEntryFromParent)
METHOD(IResourceList, TranslatedList)
METHOD(IResourceList, UntranslatedList)
METHOD(IInterruptSync, CallSynchronizedRoutine)
METHOD(IInterruptSync, GetKInterrupt)
METHOD(IInterruptSync, Connect)
METHOD(IInterruptSync, Disconnect)
METHOD(IInterruptSync, RegisterServiceRoutine)
METHOD(IRegistryKey, QueryKey)
METHOD(IRegistryKey, EnumerateKey)
METHOD(IRegistryKey, QueryValueKey)
METHOD(IRegistryKey, EnumerateValueKey)
METHOD(IRegistryKey, SetValueKey)
METHOD(IRegistryKey, QueryRegistryValues)
METHOD(IRegistryKey, NewSubKey)
METHOD(IRegistryKey, DeleteKey)
METHOD(IPowerNotify, PowerChangeNotify)
METHOD(IAdapterPowerManagement, PowerChangeState)
METHOD(IAdapterPowerManagement, QueryPowerChangeState)
METHOD(IAdapterPowerManagement, QueryDeviceCapabilities)
METHOD(IUnregisterSubdevice, UnregisterSubdevice)
METHOD(IPortClsVersion, GetVersion)

FUNCTION(PcInitializeAdapterDriver)
FUNCTION(PcAddAdapterDevice)
FUNCTION(PcNewPort)
FUNCTION(PcNewMiniport)
FUNCTION(PcNewServiceGroup)
FUNCTION(PcNewInterruptSync)
FUNCTION(PcNewResourceSublist)
FUNCTION(PcNewRegistryKey)
FUNCTION(PcRegisterSubdevice)
FUNCTION(PcRegisterPhysicalConnection)
FUNCTION(PcRegisterAdapterPowerManagement)
FUNCTION(PcDispatchIrp)
FUNCTION(PcCompletePendingPropertyRequest)
