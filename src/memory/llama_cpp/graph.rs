//! A computation graph reduced to what memory depends on: the size of every intermediate tensor and who reads it.

use super::size::Size;

/// A tensor of the graph.
pub(super) type Node = u32;

/// What a tensor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// Memory of its own, for an input of the graph.
    Input(Size),
    /// Memory of its own, for a result.
    Own(Size),
    /// Another shape of a tensor's memory.
    View(Node),
    /// Memory outside the graph: caches and states that it writes to.
    Elsewhere,
}

#[derive(Debug, Clone)]
struct Entry {
    storage: Storage,
    sources: Vec<Node>,
    in_place: bool,
    seen: bool,
    kept: bool,
}

/// Bytes that the threads of a CPU need beside the graph for one operation: inputs converted to the weights' partner type,
/// and a fixed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scratch {
    /// Numbers that are converted.
    pub(super) converted: Size,
    /// Bytes whatever the weights are.
    pub(super) fixed: Size,
}

/// The graph under construction, and the order in which it is computed.
#[derive(Debug, Default)]
pub(super) struct Graph {
    entries: Vec<Entry>,
    order: Vec<Node>,
    inputs: Vec<Node>,
    marks: Vec<usize>,
    scratch: Vec<Scratch>,
}

impl Graph {
    fn push(&mut self, storage: Storage, sources: &[Node], in_place: bool) -> Node {
        let node = self.entries.len() as Node;
        self.entries.push(Entry { storage, sources: sources.to_vec(), in_place, seen: false, kept: false });
        node
    }

    /// An input that the caller fills.
    pub(super) fn input(&mut self, size: Size) -> Node {
        self.push(Storage::Input(size), &[], false)
    }

    /// A result in memory of its own.
    pub(super) fn result(&mut self, size: Size, sources: &[Node]) -> Node {
        self.push(Storage::Own(size), sources, false)
    }

    /// A result that takes over the memory of its first source of the same size that nobody reads any more.
    pub(super) fn in_place(&mut self, size: Size, sources: &[Node]) -> Node {
        self.push(Storage::Own(size), sources, true)
    }

    /// The same memory in another shape.
    pub(super) fn view(&mut self, of: Node) -> Node {
        let root = match self.entries[of as usize].storage {
            Storage::View(root) => root,
            _ => of,
        };
        self.push(Storage::View(root), &[of], false)
    }

    /// An operation that writes outside the graph.
    pub(super) fn sink(&mut self, sources: &[Node]) -> Node {
        self.push(Storage::Elsewhere, sources, false)
    }

    /// Keeps the memory of a result to the end: the caller reads it.
    pub(super) fn keep(&mut self, node: Node) {
        self.entries[node as usize].kept = true;
    }

    /// Marks the present place in the order: where a block begins.
    pub(super) fn mark(&mut self) {
        self.marks.push(self.order.len());
    }

    /// Notes what the threads need for an operation.
    pub(super) fn scratch(&mut self, scratch: Scratch) {
        let covers = |a: &Scratch, b: &Scratch| a.converted.covers(&b.converted) && a.fixed.covers(&b.fixed);
        if !self.scratch.iter().any(|s| covers(s, &scratch)) {
            self.scratch.retain(|s| !covers(&scratch, s));
            self.scratch.push(scratch);
        }
    }

    /// Puts a tensor and everything that it needs into the order of computation, sources from left to right.
    pub(super) fn compute(&mut self, node: Node) {
        let mut stack = vec![(node, 0usize)];
        if std::mem::replace(&mut self.entries[node as usize].seen, true) {
            return;
        }
        while let Some((node, next)) = stack.pop() {
            let Some(&source) = self.entries[node as usize].sources.get(next) else {
                match self.entries[node as usize].storage {
                    Storage::Input(_) => self.inputs.push(node),
                    _ => self.order.push(node),
                }
                continue;
            };
            stack.push((node, next + 1));
            if !std::mem::replace(&mut self.entries[source as usize].seen, true) {
                stack.push((source, 0));
            }
        }
    }

    /// Inputs in the order in which they were met.
    pub(super) fn inputs(&self) -> &[Node] {
        &self.inputs
    }

    /// Everything else in the order of computation.
    pub(super) fn order(&self) -> &[Node] {
        &self.order
    }

    /// The marked places in the order.
    pub(super) fn marks(&self) -> &[usize] {
        &self.marks
    }

    /// Number of tensors made, in the order or not.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn storage(&self, node: Node) -> Storage {
        self.entries[node as usize].storage
    }

    pub(super) fn sources(&self, node: Node) -> &[Node] {
        &self.entries[node as usize].sources
    }

    pub(super) fn may_reuse(&self, node: Node) -> bool {
        self.entries[node as usize].in_place
    }

    pub(super) fn is_kept(&self, node: Node) -> bool {
        self.entries[node as usize].kept
    }

    /// What the threads need, operation by operation, without what a larger one covers.
    pub(super) fn scratches(&self) -> &[Scratch] {
        &self.scratch
    }
}
