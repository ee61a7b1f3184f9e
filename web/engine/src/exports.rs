//! What the module exports. Each call but [`input`], [`output`] and [`output_len`] returns 0, or 1 where it failed, or 2
//! where a picture is of a format that is not decoded here, but may be elsewhere.
#![allow(unsafe_code)] // the names of exports are global

use std::cell::RefCell;

use dataset::ImageProblem;
use dataset::decode::ImageFormat;

use crate::page::{Page, Result};

#[derive(Default)]
struct State {
    page: Page,
    input: Vec<u8>,
    output: Vec<u8>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Makes the input so many bytes long, and tells where they are. The next call may move them.
#[unsafe(no_mangle)]
pub extern "C" fn input(len: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        // The classifier's file is large, and is not kept.
        state.input = vec![0; len];
        state.input.as_mut_ptr()
    })
}

/// Where the output of the last call is.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    STATE.with_borrow(|state| state.output.as_ptr())
}

/// The length of the output in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn output_len() -> usize {
    STATE.with_borrow(|state| state.output.len())
}

/// Reads a classifier file: [`Page::load`].
#[unsafe(no_mangle)]
pub extern "C" fn load() -> u32 {
    call(|page, input| page.load(&input))
}

/// Takes the file of a picture: [`Page::decode`].
#[unsafe(no_mangle)]
pub extern "C" fn decode() -> u32 {
    call(|page, input| page.decode(&input))
}

/// Takes the pixels of a picture: [`Page::frame`].
#[unsafe(no_mangle)]
pub extern "C" fn frame(width: u32, height: u32) -> u32 {
    call(|page, input| page.frame(&input, width, height))
}

/// Asks the classifier about the picture: [`Page::classify`].
#[unsafe(no_mangle)]
pub extern "C" fn classify() -> u32 {
    call(|page, _| page.classify())
}

/// Explains a class: [`Page::explain`].
#[unsafe(no_mangle)]
pub extern "C" fn explain(class: usize) -> u32 {
    call(|page, _| page.explain(class))
}

/// What the network computes of the picture: [`Page::embed`].
#[unsafe(no_mangle)]
pub extern "C" fn embed() -> u32 {
    call(|page, _| page.embed())
}

fn call(run: impl FnOnce(&mut Page, Vec<u8>) -> Result<Vec<u8>>) -> u32 {
    STATE.with_borrow_mut(|state| {
        let input = std::mem::take(&mut state.input);
        let result = run(&mut state.page, input);
        let (status, output) = match result {
            Ok(output) => (0, output),
            Err(error) => (
                1 + u32::from(is_other_format(error.as_ref())),
                error.to_string().into_bytes(),
            ),
        };
        state.output = output;
        status
    })
}

/// Whether a picture was refused for its format alone.
fn is_other_format(error: &(dyn std::error::Error + 'static)) -> bool {
    let Some(dataset::Error::Image { problem, .. }) = error.downcast_ref() else {
        return false;
    };
    match problem {
        ImageProblem::UnknownFormat { .. } | ImageProblem::NotDecoded { .. } => true,
        ImageProblem::Broken { format, .. } => {
            use ImageFormat::{Bmp, Jpeg, Png};
            !matches!(format, Jpeg | Png | Bmp)
        }
        _ => false,
    }
}
