//! Room for what calls itself.

/// Does what calls itself for each definition that stands on another one, of which a model may have
/// more than a thread's stack holds.
pub fn on_any_stack<T>(work: impl FnOnce() -> T) -> T {
    /// More than going through one definition takes.
    const LEFT: usize = 512 << 10;
    const MORE: usize = 4 << 20;
    stacker::maybe_grow(LEFT, MORE, work)
}

/// Reads a text with a parser that calls itself more often than it counts.
pub(crate) fn with_room_to_read<T>(work: impl FnOnce() -> T) -> T {
    /// Enough for the deepest text that is allowed.
    const LEFT: usize = 4 << 20;
    const MORE: usize = 16 << 20;
    stacker::maybe_grow(LEFT, MORE, work)
}

/// Whether there is still room for one step of such a parser.
pub(crate) fn has_room() -> bool {
    /// More than one takes.
    const STEP: usize = 512 << 10;
    stacker::remaining_stack().is_none_or(|left| left > STEP)
}
