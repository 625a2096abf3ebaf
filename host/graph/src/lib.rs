//! A state machine as a picture: as a Mermaid flowchart or as SVG, with the path that an execution took.
//!
//! ```text
//!   Definition --> Graph ----------------------.
//!                    |                          v
//!   history text --> History --> Path --> cards (what is written where)
//!                                               |        |
//!                                               |    layout (where it stands)
//!                                               v        v
//!                                           mermaid     svg
//! ```
//!
//! Reading order: `model` (nodes and edges; `words` for conditions), `history` and `path` (what an
//! execution did), `card` (the texts of a picture), `mermaid`, then `text`, `layered`, `layout` and `svg`.
//!
//! Pure: text and definitions in, text out. Knows no files and no clock, and does not run anything.

mod card;
mod history;
mod layered;
mod layout;
mod mermaid;
mod model;
mod path;
mod svg;
mod text;
mod words;

pub use history::{Event, History, HistoryError};
pub use layout::{Layout, Rectangle};
pub use mermaid::mermaid;
pub use model::{Area, AreaId, Edge, EdgeId, EdgeKind, Graph, Node, NodeId, NodeKind};
pub use path::{Mark, OtherMachine, Outcome, Path};
pub use svg::svg;
