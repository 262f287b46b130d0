//! Is what is made of a program what it needs, and always the same?
