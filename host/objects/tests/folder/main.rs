//! What is special about a folder: hostile links, failing disks, crashes, many keys at random.

mod failures;
mod hostile;
mod model;
