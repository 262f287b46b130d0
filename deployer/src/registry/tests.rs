//! Is a reference read strictly, and a registry asked as it wants to be?
