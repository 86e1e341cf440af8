//! The peak of ggml's graph allocator.
//!
//! ggml lays all intermediate tensors of a graph into one buffer: each is placed when it is computed (see [`super::buffer`])
//! and freed after its last reader; some operations take over the memory of a source.
//! Which tensor takes over which does not depend on the call, so the graph is played through once into a list of steps;
//! only the holes depend on the sizes, and they are played per call. (`ggml-alloc.c`, August 2026.)

use std::ops::Range;

use super::buffer::{Buffer, Place, Room};
use super::graph::{Graph, Node, Scratch, Storage};
use super::size::{Call, Size};
use super::{CACHE_LINE, THREADS};

/// A tensor larger than any memory counts as this many bytes, so that sums of tensors cannot overflow.
const LARGEST: u64 = 1 << 48;

/// States of the allocator that are remembered to notice that it goes round in a circle.
const REMEMBERED: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Place a tensor of the size of this number.
    Take { size: u32 },
    /// Free it.
    Give { tensor: Taken, size: u32 },
}

/// Which placed tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// The one of this number, counted from the start: inputs, and what outlives the repeated steps.
    Nth(u32),
    /// The one so many before the last one, so that the steps of like blocks are alike.
    Back(u32),
}

/// The steps of one graph.
#[derive(Debug)]
pub(super) struct Plan {
    sizes: Vec<Size>,
    steps: Vec<Step>,
    /// Steps that are carried out so many times more after the first time.
    again: Option<(Range<usize>, u32)>,
    /// Tensors, counted back, that are alive where the repeated steps begin and end.
    carried: Vec<u32>,
    scratch: Vec<Scratch>,
}

impl Plan {
    /// Plays the graph through. `again` names two marks of the graph and how often what lies between is repeated.
    pub(super) fn of(graph: &Graph, again: Option<(Range<usize>, u32)>) -> Self {
        let mut player = Player {
            graph,
            state: vec![State::default(); graph.len()],
            taken: 0,
            lasting: 0,
            plan: Self {
                sizes: Vec::new(),
                steps: Vec::new(),
                again: None,
                carried: Vec::new(),
                scratch: graph.scratches().to_vec(),
            },
        };
        let marks = player.play(again.as_ref().map_or(0..0, |(range, _)| range.clone()));
        player.plan.again = again.map(|(range, times)| (marks[range.start]..marks[range.end], times));
        player.plan
    }

    /// Bytes of the buffer in one call.
    pub(super) fn peak(&self, call: &Call, room: Room) -> u64 {
        let mut run = Run {
            sizes: self.sizes.iter().map(|s| s.at(call).min(LARGEST).next_multiple_of(room.alignment)).collect(),
            taken: Vec::with_capacity(self.steps.len()),
            buffer: Buffer::new(room),
        };
        let (range, mut times) = self.again.clone().unwrap_or((0..0, 0));
        run.steps(&self.steps[..range.end]);
        // Blocks alike leave the allocator in a state that soon repeats: whole rounds then change nothing.
        let mut seen: Vec<(Buffer, Vec<Place>)> = Vec::new();
        while times > 0 {
            let carried = self.carried.iter().map(|&back| run.taken[run.taken.len() - 1 - back as usize]);
            let now = (run.buffer.clone(), carried.collect());
            if let Some(round) = seen.iter().rev().position(|earlier| *earlier == now) {
                times %= round as u32 + 1;
                seen.clear();
                if times == 0 {
                    break;
                }
            } else if seen.len() < REMEMBERED {
                seen.push(now);
            }
            run.steps(&self.steps[range.clone()]);
            times -= 1;
        }
        run.steps(&self.steps[range.end..]);
        run.buffer.size()
    }

    /// Bytes that the threads need beside the buffer when a converted number takes `eighths` eighths of a byte.
    pub(super) fn scratch(&self, call: &Call, eighths: u64) -> u64 {
        let of =
            |s: &Scratch| s.converted.at(call).saturating_mul(eighths).div_ceil(8).saturating_add(s.fixed.at(call));
        let largest = self.scratch.iter().map(of).max().unwrap_or(0);
        largest.saturating_add(THREADS * CACHE_LINE)
    }
}

/// The allocator at work.
struct Run {
    sizes: Vec<u64>,
    taken: Vec<Place>,
    buffer: Buffer,
}

impl Run {
    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match *step {
                Step::Take { size } => {
                    let at = self.buffer.take(self.sizes[size as usize]);
                    self.taken.push(at);
                }
                Step::Give { tensor, size } => {
                    let i = match tensor {
                        Taken::Nth(n) => n as usize,
                        Taken::Back(n) => self.taken.len() - 1 - n as usize,
                    };
                    self.buffer.give(self.taken[i], self.sizes[size as usize]);
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Number among the placed tensors and number of the size, while placed.
    placed: Option<(u32, u32)>,
    readers: u32,
    views: u32,
}

struct Player<'a> {
    graph: &'a Graph,
    state: Vec<State>,
    taken: u32,
    /// Tensors below this number are told by it.
    lasting: u32,
    plan: Plan,
}

impl Player<'_> {
    /// Plays the graph and returns where the steps stood at its marks. Between two of them is what will be repeated.
    fn play(&mut self, again: Range<usize>) -> Vec<usize> {
        let graph = self.graph;
        for &input in graph.inputs() {
            self.place(input);
        }
        self.lasting = self.taken;
        for &node in graph.order() {
            if let Storage::View(root) = graph.storage(node) {
                self.state[root as usize].views += 1;
            }
            for &source in graph.sources(node) {
                self.state[source as usize].readers += 1;
            }
        }
        let mut marks = Vec::with_capacity(graph.marks().len());
        let mut before = 0;
        for (i, &node) in graph.order().iter().enumerate() {
            while graph.marks().get(marks.len()) == Some(&i) {
                if marks.len() == again.start {
                    before = self.taken;
                }
                if marks.len() == again.end && !again.is_empty() {
                    // What was there before and still is keeps its place through all rounds.
                    let alive = self.state.iter().filter_map(|s| s.placed).filter(|&(n, _)| n >= before);
                    self.plan.carried = alive.map(|(n, _)| self.taken - 1 - n).collect();
                    self.lasting = before;
                }
                marks.push(self.plan.steps.len());
            }
            self.place(node);
            for &source in graph.sources(node) {
                self.read(source);
            }
        }
        marks.resize(graph.marks().len(), self.plan.steps.len());
        marks
    }

    /// Places a tensor, or lets it take over a source.
    fn place(&mut self, node: Node) {
        let (Storage::Own(size) | Storage::Input(size)) = self.graph.storage(node) else { return };
        if self.state[node as usize].placed.is_some() {
            return;
        }
        if self.graph.may_reuse(node) {
            for &source in self.graph.sources(node) {
                let same = matches!(self.graph.storage(source), Storage::Own(s) | Storage::Input(s) if s == size);
                let state = &mut self.state[source as usize];
                let last = state.readers == 1 && state.views == 0;
                if same && last && !self.graph.is_kept(source) && state.placed.is_some() {
                    let placed = state.placed.take();
                    self.state[node as usize].placed = placed;
                    return;
                }
            }
        }
        let size = self.size(size);
        self.plan.steps.push(Step::Take { size });
        self.state[node as usize].placed = Some((self.taken, size));
        self.taken += 1;
    }

    fn size(&mut self, size: Size) -> u32 {
        let known = self.plan.sizes.iter().position(|s| *s == size);
        known.unwrap_or_else(|| {
            self.plan.sizes.push(size);
            self.plan.sizes.len() - 1
        }) as u32
    }

    /// One reader less: frees what nobody reads any more, through views too.
    fn read(&mut self, source: Node) {
        let state = &mut self.state[source as usize];
        state.readers -= 1;
        if state.readers > 0 || state.views > 0 {
            return;
        }
        let root = match self.graph.storage(source) {
            Storage::View(root) => {
                self.state[root as usize].views -= 1;
                root
            }
            _ => source,
        };
        let state = self.state[root as usize];
        if state.readers == 0
            && state.views == 0
            && !self.graph.is_kept(root)
            && let Some((number, size)) = state.placed
        {
            let lasts = number < self.lasting;
            let tensor = if lasts { Taken::Nth(number) } else { Taken::Back(self.taken - 1 - number) };
            self.plan.steps.push(Step::Give { tensor, size });
            self.state[root as usize].placed = None;
        }
    }
}
