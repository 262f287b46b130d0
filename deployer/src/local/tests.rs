//! Does a whole application run, and what becomes of it when replicas are killed?
