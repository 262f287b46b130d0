//! Does a simulated world do what is done to it, and the same for the same seed?
