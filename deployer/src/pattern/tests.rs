//! Is what is declared what is planned, and is what is wrong told, all at once?
