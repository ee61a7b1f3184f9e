//! Which URL is next: many downloads at a time, but few from one host.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use reqwest::Url;

use super::list::Entry;

type Item<'a> = (&'a Entry, &'a str);

pub(super) struct Queue<'a> {
    per_host: usize,
    state: Mutex<State<'a>>,
    changed: Condvar,
}

#[derive(Default)]
struct State<'a> {
    waiting: VecDeque<(String, Item<'a>)>,
    busy: HashMap<String, usize>,
    not_before: HashMap<String, Instant>,
}

/// The permission to download one item from its host; given back when dropped.
pub(super) struct Permit<'q, 'a> {
    pub(super) item: Item<'a>,
    host: String,
    queue: &'q Queue<'a>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(items: &[Item<'a>], per_host: usize) -> Self {
        let host = |url: &str| {
            Url::parse(url)
                .ok()
                .and_then(|url| url.host_str().map(str::to_owned))
                .unwrap_or_default()
        };
        let waiting = items
            .iter()
            .map(|item| (host(&item.0.url), *item))
            .collect();
        let state = State {
            waiting,
            ..State::default()
        };
        Self {
            per_host,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Waits for the next item whose host has a download left; `None` when there are no more items.
    pub(super) fn next(&self) -> Option<Permit<'_, 'a>> {
        let mut state = lock(&self.state);
        while !state.waiting.is_empty() {
            let now = Instant::now();
            let free = state.waiting.iter().position(|(host, _)| {
                state.busy.get(host).copied().unwrap_or(0) < self.per_host
                    && state.not_before.get(host).is_none_or(|time| *time <= now)
            });
            if let Some((host, item)) = free.and_then(|index| state.waiting.remove(index)) {
                *state.busy.entry(host.clone()).or_default() += 1;
                return Some(Permit {
                    item,
                    host,
                    queue: self,
                });
            }
            let wait = self.changed.wait_timeout(state, Duration::from_millis(50));
            state = wait.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        None
    }

    /// Gives out no more items.
    pub(super) fn stop(&self) {
        lock(&self.state).waiting.clear();
    }
}

impl Permit<'_, '_> {
    /// Lets no download from the host begin for this long.
    pub(super) fn pause_host(&self, pause: Duration) {
        lock(&self.queue.state)
            .not_before
            .insert(self.host.clone(), Instant::now() + pause);
    }
}

impl Drop for Permit<'_, '_> {
    fn drop(&mut self) {
        if let Some(busy) = lock(&self.queue.state).busy.get_mut(&self.host) {
            *busy = busy.saturating_sub(1);
        }
        self.queue.changed.notify_all();
    }
}

/// Locks a mutex also after a thread panicked with it: the values that are guarded here are always whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
