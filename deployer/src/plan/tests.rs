//! Is all that is planned what was asked for, and nothing else?
