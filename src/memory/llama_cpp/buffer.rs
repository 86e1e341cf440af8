//! The buffer that ggml places the tensors of a graph in: where the next one goes, and how large the buffer becomes
//! (`ggml_dyn_tallocr` of `ggml-alloc.c`, August 2026).
//!
//! A tensor goes into the smallest hole that it fits, else to the end. A backend that cannot allocate more than so much at
//! once gets several blocks: what does not fit into what is left of the blocks so far opens a new one, larger than usual
//! where a single tensor is.

use crate::domain::Backend;

/// Blocks of a buffer at most; the last one has no limit.
const MOST_BLOCKS: usize = 16;

/// Room without a limit. Tensors are far smaller, so that no sum overflows.
const ENDLESS: u64 = u64::MAX / 4;

/// How a backend's buffers are allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Room {
    /// Tensors are placed at multiples of this.
    pub(super) alignment: u64,
    /// Most bytes of one block.
    block: u64,
}

impl Room {
    /// The rule of a backend: `get_alignment` and `get_max_size` of its buffer type.
    pub(super) const fn of(backend: Backend) -> Self {
        match backend {
            Backend::Cpu | Backend::Metal => Self { alignment: 32, block: ENDLESS },
            // `suballocation_block_size` is 1 GiB unless GGML_VK_SUBALLOCATION_BLOCK_SIZE says otherwise (ggml-vulkan.cpp).
            Backend::Vulkan => Self { alignment: 16, block: 1 << 30 },
            Backend::Cuda | Backend::Rocm | Backend::Sycl | Backend::Opencl | Backend::Npu => {
                Self { alignment: 128, block: ENDLESS }
            }
        }
    }
}

/// Where a tensor lies: the block and the offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    block: usize,
    offset: u64,
}

/// Free memory of one block, ascending, merged where it touches; the last piece reaches to the end of the block.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    /// Offset and size.
    free: Vec<(u64, u64)>,
    /// Bytes used at most.
    reached: u64,
}

/// A buffer in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Buffer {
    room: Room,
    blocks: Vec<Block>,
}

impl Buffer {
    pub(super) const fn new(room: Room) -> Self {
        Self { room, blocks: Vec::new() }
    }

    /// Bytes that are allocated in the end.
    pub(super) fn size(&self) -> u64 {
        self.blocks.iter().map(|b| b.reached).sum()
    }

    /// Places a tensor of so many bytes, a multiple of the alignment.
    pub(super) fn take(&mut self, size: u64) -> Place {
        let (block, i) = self.hole(size).or_else(|| self.end(size)).unwrap_or_else(|| self.open(size));
        let Block { free, reached } = &mut self.blocks[block];
        let (offset, room) = free[i];
        if room == size {
            free.remove(i);
        } else {
            free[i] = (offset + size, room - size);
        }
        *reached = (*reached).max(offset + size);
        Place { block, offset }
    }

    /// The smallest hole that holds it: of the last block that has one, and of equal ones the last.
    fn hole(&self, size: u64) -> Option<(usize, usize)> {
        let in_block = |block: &Block| {
            let holes = block.free.iter().take(block.free.len().saturating_sub(1)).enumerate();
            holes.filter(|(_, hole)| hole.1 >= size).min_by_key(|&(i, hole)| (hole.1, usize::MAX - i)).map(|(i, _)| i)
        };
        self.blocks.iter().enumerate().rev().find_map(|(b, block)| Some((b, in_block(block)?)))
    }

    /// The block whose end holds it with the least growth, and without growth the one with the least left over.
    fn end(&self, size: u64) -> Option<(usize, usize)> {
        let mut best: Option<((usize, usize), i128)> = None;
        for (b, block) in self.blocks.iter().enumerate() {
            let Some((i, &(offset, room))) = block.free.iter().enumerate().next_back() else { continue };
            let left = i128::from(block.reached) - i128::from(offset) - i128::from(size);
            let better =
                best.is_none_or(|(_, least)| if least < 0 { left > least } else { (0..least).contains(&left) });
            if room >= size && better {
                best = Some(((b, i), left));
            }
        }
        best.map(|(place, _)| place)
    }

    fn open(&mut self, size: u64) -> (usize, usize) {
        let last = self.blocks.len() + 1 >= MOST_BLOCKS;
        let room = if last { ENDLESS } else { self.room.block.max(size) };
        self.blocks.push(Block { free: vec![(0, room)], reached: 0 });
        (self.blocks.len() - 1, 0)
    }

    /// Frees what was placed.
    pub(super) fn give(&mut self, place: Place, size: u64) {
        let free = &mut self.blocks[place.block].free;
        let at = place.offset;
        let after = free.partition_point(|&(start, _)| start < at);
        let joins_before = after > 0 && free[after - 1].0 + free[after - 1].1 == at;
        let joins_after = free.get(after).is_some_and(|&(next, _)| next == at + size);
        match (joins_before, joins_after) {
            (true, true) => {
                free[after - 1].1 += size + free[after].1;
                free.remove(after);
            }
            (true, false) => free[after - 1].1 += size,
            (false, true) => free[after] = (at, size + free[after].1),
            (false, false) => free.insert(after, (at, size)),
        }
    }
}
