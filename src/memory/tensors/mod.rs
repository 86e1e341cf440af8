//! What a GGUF file holds: its tensors by family, and the element type of each by file type.

mod element;
mod family;
mod list;
mod mix;

pub use element::Element;
pub use family::Layout;
pub use list::{ByName, Tensor, tensors};
pub use mix::MixRule;
