//! Files as people have them. All bytes here are made by hand from dls.md section 2 and the RIFF
//! layout, never by our own writer.

mod articulations;
mod banks;
mod bytes;
mod cases;
mod containers;
mod downloads;
mod items;
mod mutation;
mod samples;
