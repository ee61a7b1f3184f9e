//! Ctrl-C as a wish: what is being done ends with what it has.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// From now on the first Ctrl-C makes the function that is given say `Break`; the second ends the program.
pub fn on_interrupt() -> Result<impl Fn() -> ControlFlow<()>, Box<dyn Error>> {
    let asked = Arc::new(AtomicBool::new(false));
    // In this order: the second one finds what the first one left.
    flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&asked))?;
    flag::register(SIGINT, Arc::clone(&asked))?;
    Ok(move || {
        if asked.load(Ordering::SeqCst) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
}
