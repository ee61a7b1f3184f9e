//! A page on which a person decides what to do with doubtful images. It is one file that any browser opens, without a
//! server.
//!
//! A [`Card`] is one image with what is known about it and why a person should look at it. [`cards`] makes them from
//! the findings of an [`audit`](crate::audit). Other programs can add their own cards, for instance for images that a
//! classifier assigns to another class. [`ReviewPage`] writes them as one HTML file.
//!
//! On the page, a key decides about the selected image: a digit gives it a class, `k` keeps the class that it has, `d`
//! leaves it out, and `u` takes the decision back. The browser remembers the decisions. They are saved as files:
//!
//! - a CSV table with the columns `file` (`class/file`, as [`ImageItem::name`](crate::ImageItem::name)) and `label`,
//!   with a row for each decided image. The label is empty for an image that is left out.
//! - a shell script that moves the files to the folders of their classes. Files that are left out are moved to a folder
//!   beside the image folder. The script deletes and overwrites nothing.

mod card;
mod page;

pub use card::{Card, cards};
pub use page::{ReviewPage, Written};
