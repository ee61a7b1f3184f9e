//! Where threads come from: rayon's current pool. Without the feature `rayon`, everything runs on the caller's thread.

use self::with::awake;
pub(super) use self::with::{count, each_image, for_each, map};

/// Runs each part: in parallel where the image is split.
pub(super) fn in_parts<T: Send>(threads: usize, parts: Vec<T>, run: impl Fn(T) + Send + Sync) {
    if threads == 1 {
        parts.into_iter().for_each(run);
    } else {
        for_each(parts.into_iter(), run);
    }
}

/// Runs `run`, whose last step is a parallel one after all images. With fewer images than threads, the other threads are
/// kept awake: they would sleep until that step, and waking them takes long.
pub(super) fn all_awake<R: Send>(images: usize, run: impl FnOnce() -> R + Send) -> R {
    let threads = count();
    if images < threads {
        awake(threads - 1, run)
    } else {
        run()
    }
}

#[cfg(feature = "rayon")]
mod with {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Mutex, PoisonError};

    use rayon::{Yield, prelude::*};

    /// How many threads there are.
    pub(in super::super) fn count() -> usize {
        rayon::current_num_threads()
    }

    /// Runs each item as a task of its own.
    pub(in super::super) fn for_each<T: Send>(
        items: impl Iterator<Item = T>,
        run: impl Fn(T) + Send + Sync,
    ) {
        let items: Vec<_> = items.collect();
        items.into_par_iter().with_max_len(1).for_each(run);
    }

    /// What `run` makes of each item, in their order.
    pub(in super::super) fn map<T: Send, R: Send>(
        items: impl Iterator<Item = T>,
        run: impl Fn(T) -> R + Send + Sync,
    ) -> Vec<R> {
        let items: Vec<_> = items.collect();
        items.into_par_iter().map(run).collect()
    }

    /// Hands out the images in order to as many tasks as there are threads; the last ones, for which there would be
    /// idle threads, are split over all of them.
    pub(in super::super) fn each_image<T: Send>(
        threads: usize,
        n: usize,
        images: impl Iterator<Item = T> + Send,
        run: impl Fn(usize, usize, T) + Sync,
    ) {
        let images = Mutex::new(images.enumerate());
        let next = || images.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            while let Some((i, image)) = next() {
                if threads > 1 && i + threads >= n {
                    awake(threads - 1, || run(i, threads, image));
                } else {
                    run(i, 1, image);
                }
            }
        };
        rayon::scope(|scope| {
            for _ in 1..threads.min(n) {
                scope.spawn(|_| work());
            }
            work();
        });
    }

    /// Runs `run`, whose parallel parts come one soon after the other, while `others` threads of the pool look out for
    /// them without sleeping: waking a thread costs as much as a tenth of a part.
    pub(in super::super) fn awake<R: Send>(others: usize, run: impl FnOnce() -> R + Send) -> R {
        /// Also where `run` panics: else the others would look out for ever.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        const SPINS: usize = 5;
        let done = AtomicBool::new(false);
        rayon::in_place_scope(|scope| {
            let _done = Done(&done);
            for _ in 0..others {
                scope.spawn(|_| {
                    while !done.load(Ordering::Relaxed) {
                        if rayon::yield_now() != Some(Yield::Executed) {
                            (0..SPINS).for_each(|_| std::hint::spin_loop());
                        }
                    }
                });
            }
            run()
        })
    }
}

#[cfg(not(feature = "rayon"))]
mod with {
    /// How many threads there are.
    pub(in super::super) fn count() -> usize {
        1
    }

    /// Runs each item.
    pub(in super::super) fn for_each<T>(items: impl Iterator<Item = T>, run: impl Fn(T)) {
        items.for_each(run);
    }

    /// What `run` makes of each item, in their order.
    pub(in super::super) fn map<T, R>(
        items: impl Iterator<Item = T>,
        run: impl Fn(T) -> R,
    ) -> Vec<R> {
        items.map(run).collect()
    }

    /// Runs each image on this thread.
    pub(in super::super) fn each_image<T>(
        _threads: usize,
        _n: usize,
        images: impl Iterator<Item = T>,
        run: impl Fn(usize, usize, T),
    ) {
        images.enumerate().for_each(|(i, image)| run(i, 1, image));
    }

    /// Runs `run`.
    pub(in super::super) fn awake<R>(_others: usize, run: impl FnOnce() -> R) -> R {
        run()
    }
}
