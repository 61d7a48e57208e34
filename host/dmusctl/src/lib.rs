//! The tool for a Windows test machine.
