//! Is an image what its program needs, the same each time, and understood by others? Programs are compiled for
//! it, `skopeo` reads what is made of them, and they run where nothing else is.

mod alone;
mod judged;
mod programs;
mod same;
mod wrong;
