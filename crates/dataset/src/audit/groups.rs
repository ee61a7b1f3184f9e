//! Images that resemble each other, directly or by way of others.

/// A group of more images than this is one finding; a smaller one is given pair by pair.
pub(super) const PAIRED: u32 = 8;

/// The groups, by union-find.
pub(super) struct Groups {
    parent: Vec<u32>,
    size: Vec<u32>,
}

impl Groups {
    /// Each of `count` images alone.
    pub(super) fn new(count: usize) -> Self {
        Self {
            parent: (0..count as u32).collect(),
            size: vec![1; count],
        }
    }

    /// The image that stands for the group of this one. The way there has at most log2(n) steps, because the smaller group
    /// always joins the larger one.
    fn root(&self, mut image: u32) -> u32 {
        while self.parent[image as usize] != image {
            image = self.parent[image as usize];
        }
        image
    }

    /// Makes one group of those of two images.
    pub(super) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (small, large) = if self.size[a as usize] <= self.size[b as usize] {
            (a, b)
        } else {
            (b, a)
        };
        self.parent[small as usize] = large;
        self.size[large as usize] += self.size[small as usize];
    }

    /// The number of images in the group of this one.
    pub(super) fn size(&self, image: u32) -> u32 {
        self.size[self.root(image) as usize]
    }

    /// Whether comparing these two can change nothing: they are in one group that is too large for pairs.
    pub(super) fn settled(&self, a: u32, b: u32) -> bool {
        let root = self.root(a);
        self.size[root as usize] > PAIRED && root == self.root(b)
    }

    /// The groups that are too large for pairs, each sorted, in the order of their first images.
    pub(super) fn large(&self) -> Vec<Vec<u32>> {
        let mut of_root = std::collections::BTreeMap::<u32, Vec<u32>>::new();
        for image in 0..self.parent.len() as u32 {
            let root = self.root(image);
            if self.size[root as usize] > PAIRED {
                of_root.entry(root).or_default().push(image);
            }
        }
        let mut groups: Vec<_> = of_root.into_values().collect();
        groups.sort();
        groups
    }
}
