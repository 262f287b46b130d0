//! Why did it go wrong? An error, its cause, the cause of that, and so on.

use std::error::Error;

/// `error`, its cause, the cause of that, and so on.
pub fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// `error` with its causes, on one line each joined by a colon; a cause that an error tells itself is not told again.
#[must_use]
pub fn in_full(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        told if told.contains(&cause) => text,
        told => format!("{told}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::in_full;

    #[derive(Debug, thiserror::Error)]
    enum Fault {
        #[error("cannot read the plan")]
        Plan(#[source] io::Error),
        #[error("cannot begin: {0}")]
        Begin(#[source] io::Error),
        #[error(transparent)]
        Other(#[from] Box<Self>),
    }

    #[test]
    fn every_cause_is_told_once() {
        let cause = || io::Error::other("no such disk");
        let plan = Fault::Plan(cause());
        assert_eq!(in_full(&plan), "cannot read the plan: no such disk");
        assert_eq!(in_full(&Fault::from(Box::new(plan))), "cannot read the plan: no such disk");
        assert_eq!(in_full(&Fault::Begin(cause())), "cannot begin: no such disk");
    }
}
