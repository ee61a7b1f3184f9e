//! Progress as bars.

use std::fmt::Write;
use std::time::Duration;

#[cfg(feature = "download")]
use indicatif::ProgressDrawTarget;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
#[cfg(feature = "download")]
use mobilenet::weights::Event;

/// A bar that counts images or other things, with how many per second and the time left. It is gone when the value is
/// dropped.
#[derive(Default)]
pub struct Bar(Option<(String, ProgressBar)>);

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
        if self.0.as_ref().is_some_and(|(counted, _)| counted != what) {
            self.clear();
        }
        let (_, bar) = self.0.get_or_insert_with(|| {
            let bar = ProgressBar::new(total as u64).with_message(what.to_string());
            let template = format!(
                "{{msg:>12}} {{wide_bar}} {{pos}}/{{len}} {things}, {{rate}}, {{eta}} left"
            );
            bar.set_style(style(&template));
            bar.enable_steady_tick(Duration::from_millis(200));
            (what.to_string(), bar)
        });
        bar.set_position(done as u64);
        bar
    }

    /// Makes room for a line of text.
    pub fn clear(&mut self) {
        if let Some((_, bar)) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

/// The style of a template, in which `{rate}` is how many per second, with no more digits than a person reads.
pub fn style(template: &str) -> ProgressStyle {
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
    let bar = ProgressBar::hidden();
    let template = "{msg:>12} {wide_bar} {bytes}/{total_bytes}, {eta} left";
    bar.set_style(style(template));
    bar.set_message("fetching");
    let shown = bar.clone();
    let say = move |text: &str| shown.suspend(|| crate::warn!("{text}"));
    move |event| match event {
        Event::Started { url, .. } => {
            say(url);
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        Event::Progress { done, total } => {
            bar.set_length(total.unwrap_or(*done));
            bar.set_position(*done);
        }
        Event::Retrying(why) => say(&format!("trying once more: {why}")),
        Event::Waiting => say("another program is fetching the same file: waiting for its end"),
        Event::Finished(_) => bar.finish_and_clear(),
        _ => {}
    }
}
