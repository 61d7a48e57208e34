//! Downloads and files that lie: refused with the right reason, and never at great expense.

mod damage;
mod fields;
mod lies;
mod rig;
