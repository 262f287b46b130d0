//! What is told while something is deployed? Every step is an `Event`: a line for people, or an object for
//! machines. Whoever does the work tells; who listens decides how it looks.

mod event;
mod screen;
mod words;

pub use self::event::{Change, Conflict, Event, Field, Outcome, PodLine, Step, Thing, Told};
pub use self::screen::{Format, Report};
