//! Room for what calls itself.

/// Does what calls itself for each definition that stands on another one, of which a model may have
/// more than a thread's stack holds.
pub fn on_any_stack<T>(work: impl FnOnce() -> T) -> T {
    /// More than going through one definition takes.
    const LEFT: usize = 512 << 10;
    const MORE: usize = 4 << 20;
    stacker::maybe_grow(LEFT, MORE, work)
}
