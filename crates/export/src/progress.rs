//! How far an export has come, for whoever waits for it, and whether they still do.

use crate::ExportError;

/// Told by the export as it goes. All methods have defaults: `()` waits in silence.
pub trait Progress {
    /// A part of the work begins, of so many pieces.
    fn begin(&mut self, _what: &'static str, _total: u64) {}

    /// So many pieces of the part are done.
    fn advance(&mut self, _done: u64) {}

    /// Whether nobody wants the export any more.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// An error if nobody wants the export any more.
    ///
    /// # Errors
    /// [`ExportError::Cancelled`].
    fn check(&self) -> Result<(), ExportError> {
        if self.is_cancelled() { Err(ExportError::Cancelled) } else { Ok(()) }
    }
}

impl Progress for () {}
