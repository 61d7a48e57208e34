//! The synthesizer subdevice: three pins, one node, up to four instances of each pin.
//!
//! ```text
//!  pin 0 legacy MIDI ──┐  PutMessage                     Render
//!  pin 1 DirectMusic ──┴─▶ Inlet (by master time) ──▶ Engine (by frames) ──▶ pin 2 wave
//!                                                        ▲
//!  KS properties: downloads, volumes, parameters ────────┘
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`miniport`] | the `IMiniportDMus` object |
//! | [`filter`] | the descriptor tables |
//! | [`stream`] | the stream object of every pin: state, messages |
//! | [`wave_sink`] | its `ISynthSinkDMus` half: rendering and clocks |
//! | [`streams`] | which pins are open, and what belongs to what |
//! | [`inlet`], [`queue`] | events that wait |
//! | [`player`], [`messages`], [`assembly`] | what is in them, on its way into the synthesizer |
//! | [`work`] | how much of all that is done in one go |
//! | [`engine`], [`meter`] | the synthesizer that pins share, and its statistics |
//! | [`budget`], [`share`] | what all clients of the device may hold together, and what of it pins are |
//! | [`properties`] | the property sets |
//!
//! Locks, outermost first: the miniport's table of streams, an inlet, an engine. No COM object of
//! the port's is called and no memory allocated or freed with any of them held; only the master
//! clock, which may be asked at any level, is read under the engine's lock.

pub mod assembly;
pub mod budget;
pub mod engine;
pub mod filter;
pub mod inlet;
pub mod messages;
pub mod meter;
pub mod miniport;
pub mod player;
pub mod properties;
pub mod queue;
pub mod share;
pub mod stream;
pub mod streams;
pub mod wave_sink;
pub mod work;
