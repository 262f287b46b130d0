//! Does the division of the bytes change which messages are seen in them?
#![no_main]

use libfuzzer_sys::fuzz_target;
use metaparticle_gateway::http1::{Fault, Piece, Reader};

/// The bodies of the requests in `pieces`, up to the first fault.
fn seen(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<Fault>) {
    let (mut reader, mut bodies, mut body) = (Reader::default(), Vec::new(), None);
    for piece in pieces {
        reader.push(piece);
        loop {
            let step = match &mut body {
                None => reader.request().map(|asked| {
                    asked.map(|asked| {
                        bodies.push(Vec::new());
                        Some(asked.body)
                    })
                }),
                Some(decoder) => reader.body(decoder).map(|piece| {
                    piece.map(|piece| match piece {
                        Piece::Data(data) => {
                            bodies.last_mut().expect("one has begun").extend(data);
                            Some(*decoder)
                        }
                        Piece::Trailers(_) => Some(*decoder),
                        Piece::End => None,
                    })
                }),
            };
            match step {
                Ok(Some(next)) => body = next,
                Ok(None) => break,
                Err(fault) => return (bodies, Some(fault)),
            }
        }
    }
    (bodies, None)
}

fuzz_target!(|pieces: Vec<&[u8]>| {
    assert_eq!(seen(&pieces), seen(&[&pieces.concat()]));
});
