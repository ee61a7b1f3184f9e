//! Ctrl-C as a request: what is being done ends with what it has.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// Whether Ctrl-C was pressed since the first call. From that call on the first Ctrl-C is only noted; the second one
/// ends the program.
pub fn interrupted() -> bool {
    static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let asked = ASKED.get_or_init(|| {
        let asked = Arc::new(AtomicBool::new(false));
        // In this order: the second one finds what the first one left. Where signals cannot be caught, Ctrl-C ends the
        // program at once, as it does anyway.
        let _ = flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&asked));
        let _ = flag::register(SIGINT, Arc::clone(&asked));
        asked
    });
    asked.load(Ordering::SeqCst)
}
