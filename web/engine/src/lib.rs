//! The engine of the page: a classifier, from the bytes of its file, for a program that can only pass numbers.
//!
//! A browser calls the functions of [`exports`]. Whatever is longer than a number goes through two buffers: the caller
//! writes to the input before a call, and reads the output after it. The output of a call that fails is the reason as
//! text.

mod about;
mod explanation;
pub mod exports;
mod page;

pub use page::Page;
