//! The record of what happened: a bounded ring, newest last.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::irql::Irql;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The driver called a kernel function.
    Import(&'static str),
    /// The scenario called a driver routine.
    Entered(&'static str),
    /// A byte was read from a port.
    PortRead {
        /// The port.
        port: u16,
        /// What the device answered.
        value: u8,
    },
    /// A byte was written to a port.
    PortWrite {
        /// The port.
        port: u16,
        /// The byte.
        value: u8,
    },
    /// A DPC routine ran.
    Dpc(usize),
    /// A worker thread began with the work item at this address.
    WorkItem(usize),
    /// A timer came due.
    Timer(usize),
    /// A line's service routines ran.
    Interrupt {
        /// The line's vector.
        vector: u32,
        /// Whether one of them claimed it.
        claimed: bool,
    },
    /// The driver printed to the debugger.
    Print(String),
    /// A rule was broken; see the violations.
    Violation(String),
    /// Written by the scenario.
    Note(String),
}

/// An [`Event`] with its place in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// 100 ns since power-on.
    pub time: u64,
    /// The level it happened at.
    pub irql: Irql,
    /// What it was.
    pub event: Event,
}

/// The ring of records.
#[derive(Debug)]
pub struct Trace {
    records: RefCell<VecDeque<Record>>,
    capacity: Cell<usize>,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self {
            records: RefCell::default(),
            capacity: Cell::new(DEFAULT_CAPACITY),
        }
    }

    /// How many records are kept; the oldest go first.
    pub fn keep(&self, capacity: usize) {
        self.capacity.set(capacity);
    }

    pub(crate) fn push(&self, record: Record) {
        let mut records = self.records.borrow_mut();
        while records.len() >= self.capacity.get().max(1) {
            records.pop_front();
        }
        if self.capacity.get() > 0 {
            records.push_back(record);
        }
    }

    /// All that is kept, oldest first.
    pub fn records(&self) -> Vec<Record> {
        self.records.borrow().iter().cloned().collect()
    }

    /// What the driver printed.
    pub fn printed(&self) -> Vec<String> {
        self.records
            .borrow()
            .iter()
            .filter_map(|record| match &record.event {
                Event::Print(text) => Some(text.clone()),
                _ => None,
            })
            .collect()
    }
}

const DEFAULT_CAPACITY: usize = 512;
