//! Does an image come to a registry, whatever the registry is like? One that counts and obeys the test, and a
//! real one.

mod auth;
mod fake;
mod faults;
mod pushes;
mod real;
mod world;
