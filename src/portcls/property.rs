//! To be filled: the property request view.
