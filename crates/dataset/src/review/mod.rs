//! A page on which a person decides what becomes of doubtful images: a file that any browser opens, without a server.
//!
//! A [`Card`] is one image with what is known of it and why it should be looked at. [`cards`] makes them of the findings of
//! an [`audit`](crate::audit); other programs add cards of their own, for instance for images that a classifier takes for
//! another class. [`ReviewPage`] writes them as one HTML file.
//!
//! On the page, a key decides about the selected image: a digit gives it a class, `k` keeps the class that it has, `d`
//! leaves it out, and `u` takes the decision back. The browser remembers the decisions. They are saved as files:
//!
//! - a CSV table with the columns `file` (`class/file`, as [`ImageItem::name`](crate::ImageItem::name)) and `label`, with a
//!   row for each image that is decided. The label is empty for an image that is left out.
//! - a shell script that moves the files to the folders of their classes, and those that are left out to a folder beside
//!   the image folder. It deletes and overwrites nothing.

mod card;
mod page;

pub use card::{Card, cards};
pub use page::{ReviewPage, Written};
