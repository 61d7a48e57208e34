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
//!
//! # Loops at DISPATCH
//!
//! Each of them, and what ends it whatever a client does. A [`work::Work`] loses something in every
//! turn; where one is the bound, what is left over is done in a later call.
//!
//! | loop | where | bound |
//! |---|---|---|
//! | events are sorted in | `Inlet::sort`, called by `SynthStream::settle` | [`work::CALL`] a call, [`work::HOLD`] a hold of the lock; memory that did not help is not brought again |
//! | the same in rendering | `Inlet::feed` | half of a hold; brings no memory |
//! | packages are opened | `Backlog::pop` | one event a step, no walk: depth and length do not matter |
//! | events are played | `Inlet::feed` | [`engine::State::allow`] for the block, [`work::HOLD`] a hold |
//! | the bytes of an event | `Messages::next` | the same work, [`work::BYTE`] each |
//! | a part of a long message | `Player::play_part` | two turns; 65,535 bytes are copied |
//! | events go back | `Inlet::give_back` | what one hold has brought out |
//! | the heap | `Queue::push`, `pop` | the logarithm of `EventQueue` |
//! | blocks | `SynthStream::play` | the frames that the port asks for |
//! | steps of a block | `SynthStream::play` | `MOST_STEPS`; each does [`BLOCK_WORK`](crate::synth::BLOCK_WORK) |
//! | feeds of a block | `SynthStream::play` | eight MIDI pins |
//! | events, notes and layers in a step | `synth::mix`, `synth::start` | the step's work, and that of the block |
//! | voices | `synth::pool`, `synth::span` | 1,280 places |
//! | groups that hear a message to all | `synth::mix` | one group a turn, each at the cost of an event |
//! | slots of groups | `Groups::enlist` | from the first chunk that has a free one; one that lacks memory ends it |
//! | pins | `Streams` | twelve places, looked through for each of them |
//! | downloads are freed | `Engine::reap_some` | 64 in a call of the sink, all at PASSIVE |
//! | a wave pin's events | `SynthStream::put_message` | the chain; no port sends any |
//!
//! At PASSIVE, raising for each hold only: a STOP gives back `EventQueue` events, 64 under one hold,
//! and then its backlog; opening a pin and using a group try twice.

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
