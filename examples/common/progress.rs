//! Progress as bars: how much is done, how many per second, the time that is left. They are drawn on standard error where
//! that is a terminal, and nowhere with `--quiet`.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
#[cfg(feature = "download")]
use mobilenet::weights::Event;

/// Every bar of the program, so that what is said has its place above them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Shows no bar from now on.
pub fn hide() {
    BARS.set_draw_target(ProgressDrawTarget::hidden());
}

/// Does something that writes to the terminal where no bar is.
pub(crate) fn above<T>(write: impl FnOnce() -> T) -> T {
    BARS.suspend(write)
}

/// Does something of which nobody knows how long it takes, and shows that it is being done.
pub fn working<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let mut bar = Bar::default();
    bar.work(what);
    work()
}

/// A bar that counts images or other things, also from several threads. It is gone when the value is dropped.
pub struct Counter(ProgressBar);

impl Counter {
    /// A bar for so many things.
    pub fn new(what: &str, things: &str, total: usize) -> Self {
        let template =
            format!("{{msg:>16}} {{wide_bar}} {{pos}}/{{len}} {things}, {{rate}}, {{eta}} left");
        Self::of(ProgressBar::new(total as u64), what, &template)
    }

    fn of(bar: ProgressBar, what: &str, template: &str) -> Self {
        let bar = BARS.add(bar.with_message(what.to_string()));
        bar.set_style(style(template));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// One more of them is done.
    pub fn one_more(&self) {
        self.0.inc(1);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
        BARS.remove(&self.0);
    }
}

/// A bar that shows one thing after the other.
#[derive(Default)]
pub struct Bar(Option<(String, Counter)>);

impl Bar {
    /// Shows how many images are done; where something else was counted before, on a new bar.
    pub fn count(&mut self, what: &str, done: usize, total: usize) -> &ProgressBar {
        self.count_of(what, "images", done, total)
    }

    /// As [`Bar::count`], for things of another name.
    pub fn count_of(
        &mut self,
        what: &str,
        things: &str,
        done: usize,
        total: usize,
    ) -> &ProgressBar {
        let bar = self.show(what, || Counter::new(what, things, total));
        bar.set_position(done as u64);
        bar
    }

    /// Shows that something is being done of which nobody knows how long it takes.
    pub fn work(&mut self, what: &str) {
        let template = "{msg:>16} {spinner} {elapsed}";
        self.show(what, || {
            Counter::of(ProgressBar::new_spinner(), what, template)
        });
    }

    fn show(&mut self, what: &str, make: impl FnOnce() -> Counter) -> &ProgressBar {
        if self.0.as_ref().is_some_and(|(shown, _)| shown != what) {
            self.clear();
        }
        let (_, counter) = self.0.get_or_insert_with(|| (what.to_string(), make()));
        &counter.0
    }

    /// Shows nothing more of what was shown.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

/// The style of a template, in which `{rate}` is how many per second, with no more digits than a person reads.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
        let rate = state.per_sec();
        // Nobody is left to tell where this fails.
        let _ = write!(text, "{rate:.*}/s", usize::from(rate < 10.0));
    })
}

/// Shows on a bar what is fetched.
#[cfg(feature = "download")]
pub fn show_fetch() -> impl Fn(&Event) {
    let bar = std::sync::Mutex::new(None::<Counter>);
    let template = "{msg:>16} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
    move |event| {
        // A thread that panicked leaves nothing half done here.
        let mut bar = bar
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            Event::Started { url, .. } => {
                crate::warn!("{url}");
                *bar = Some(Counter::of(ProgressBar::new(0), "fetching", template));
            }
            Event::Progress { done, total } => {
                if let Some(Counter(bar)) = &*bar {
                    bar.set_length(total.unwrap_or(*done));
                    bar.set_position(*done);
                }
            }
            Event::Retrying(why) => crate::warn!("trying once more: {why}"),
            Event::Waiting => {
                crate::warn!("another program is fetching the same file: waiting for its end");
            }
            Event::Finished(_) => *bar = None,
            _ => {}
        }
    }
}
