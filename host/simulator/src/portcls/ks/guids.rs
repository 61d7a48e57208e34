//! GUIDs that only clients and the port name (abi section 3.2).

use dmusmini::com::Guid;

/// `KSPROPSETID_Topology`.
pub const KSPROPSETID_TOPOLOGY: Guid = Guid::parse("720d4ac0-7533-11d0-a5d6-28db04c10000");
/// `KSPROPSETID_Connection`.
pub const KSPROPSETID_CONNECTION: Guid = Guid::parse("1d58c920-ac9b-11cf-a5d6-28db04c10000");
/// `KSPROPSETID_General`.
pub const KSPROPSETID_GENERAL: Guid = Guid::parse("1464eda5-6a8f-11d1-9aa7-00a0c9223196");
