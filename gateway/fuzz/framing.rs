//! Does the division of the bytes change what is seen in them?
#![no_main]

use libfuzzer_sys::fuzz_target;
use metaparticle_gateway::serve::framing::Framing;

fuzz_target!(|pieces: Vec<&[u8]>| {
    let mut divided = Framing::new(4096);
    pieces.iter().for_each(|piece| divided.observe(piece));
    let mut whole = Framing::new(4096);
    whole.observe(&pieces.concat());
    assert_eq!(divided.fault(), whole.fault());
    assert_eq!((divided.heads(), divided.is_idle()), (whole.heads(), whole.is_idle()));
});
