use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{ContentEncoding, decompress, decompress_with};
use crate::{Limits, WireError};

const MIB: usize = 1024 * 1024;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn read(encoding: ContentEncoding, body: Vec<u8>) -> Result<Bytes, WireError> {
    decompress(encoding, body.into(), &Limits::default())
}

#[test]
fn headers_are_read() {
    for (header, encoding) in [
        ("", ContentEncoding::Identity),
        ("identity", ContentEncoding::Identity),
        (" GZip ", ContentEncoding::Gzip),
        ("x-gzip", ContentEncoding::Gzip),
        ("zstd", ContentEncoding::Zstd),
    ] {
        assert_eq!(ContentEncoding::parse(header).unwrap(), encoding);
    }
    for header in ["deflate", "br", "snappy", "gzip, gzip", "gzip,", "?"] {
        assert_eq!(ContentEncoding::parse(header), Err(WireError::UnsupportedEncoding), "{header}");
    }
}

#[test]
fn identity_is_not_copied() {
    let body = Bytes::from_static(b"plain");
    let output = decompress(ContentEncoding::Identity, body.clone(), &Limits::default()).unwrap();
    assert_eq!(output.as_ptr(), body.as_ptr());
}

#[test]
fn members_and_frames_are_joined() {
    let members = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
    assert_eq!(read(ContentEncoding::Gzip, members).unwrap(), "one two");
    let frames = [zstd(b"one "), zstd(b""), zstd(b"two")].concat();
    assert_eq!(read(ContentEncoding::Zstd, frames).unwrap(), "one two");
}

#[test]
fn the_limit_holds_before_and_after() {
    let limits = Limits { max_request_bytes: 1000, ..Limits::default() };
    let (fits, too_long) = (vec![7; 1000], vec![7; 1001]);
    for (encoding, compress) in [(ContentEncoding::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (ContentEncoding::Zstd, zstd)] {
        assert_eq!(decompress(encoding, compress(&fits).into(), &limits).unwrap(), fits);
        let error = decompress(encoding, compress(&too_long).into(), &limits).unwrap_err();
        assert_eq!(error.to_string(), "request after decompression is over the limit of 1000 bytes");
    }
    let error = decompress(ContentEncoding::Identity, too_long.into(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "request is over the limit of 1000 bytes");
}

#[test]
fn bombs_are_too_large() {
    // One member of 4 MiB against a small limit, then 100 MiB in members against the default.
    let small = Limits { max_request_bytes: MIB, ..Limits::default() };
    let member = gzip(&vec![0; 4 * MIB]);
    assert!(decompress(ContentEncoding::Gzip, member.clone().into(), &small).unwrap_err().is_too_large());
    let bomb = member.repeat(25);
    assert!(bomb.len() < MIB);
    assert!(read(ContentEncoding::Gzip, bomb).unwrap_err().is_too_large());

    let bomb = zstd(&vec![0; 100 * MIB]);
    assert!(bomb.len() < MIB);
    assert!(read(ContentEncoding::Zstd, bomb).unwrap_err().is_too_large());
}

#[test]
fn a_window_over_the_limit_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(&[7; 1000]).unwrap();
    let body = Bytes::from(encoder.finish().unwrap());
    let limits = |max_zstd_window_log| Limits { max_zstd_window_log, ..Limits::default() };
    assert_eq!(decompress(ContentEncoding::Zstd, body.clone(), &limits(24)).unwrap().len(), 1000);
    let error = decompress(ContentEncoding::Zstd, body, &limits(23)).unwrap_err();
    assert!(matches!(error, WireError::Malformed { .. }), "{error}");
}

#[test]
fn broken_bodies_are_malformed() {
    for (encoding, body) in [(ContentEncoding::Gzip, gzip(b"some text")), (ContentEncoding::Zstd, zstd(b"some text"))] {
        for end in 1..body.len() {
            let error = read(encoding, body[..end].to_vec()).unwrap_err();
            assert!(matches!(error, WireError::Malformed { .. }), "cut at {end}: {error}");
        }
        let with_rest = [body.as_slice(), b"rest"].concat();
        assert!(matches!(read(encoding, with_rest).unwrap_err(), WireError::Malformed { .. }));
        assert!(matches!(read(encoding, b"plain text".to_vec()).unwrap_err(), WireError::Malformed { .. }));
    }
}

#[test]
fn a_ratio_over_the_limit_is_too_large() {
    let limits = Limits { max_decompression_ratio: 100, ..Limits::default() };
    for (encoding, compress) in [(ContentEncoding::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (ContentEncoding::Zstd, zstd)] {
        let small = decompress(encoding, compress(&vec![0; MIB]).into(), &limits).unwrap();
        assert_eq!(small.len(), MIB, "the first MiB is free");
        let error = decompress(encoding, compress(&vec![0; 8 * MIB]).into(), &limits).unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }
}

#[test]
fn the_caller_may_refuse_at_any_piece() {
    #[derive(Debug, PartialEq)]
    struct NoRoom;
    impl From<WireError> for NoRoom {
        fn from(error: WireError) -> Self {
            panic!("{error}")
        }
    }
    let body = Bytes::from(gzip(&vec![1; MIB]));
    let admit = |room: usize| {
        let mut taken = 0;
        move |bytes| {
            taken += bytes;
            if taken > room { Err(NoRoom) } else { Ok(()) }
        }
    };
    let read = |room| decompress_with(ContentEncoding::Gzip, body.clone(), &Limits::default(), admit(room));
    assert_eq!(read(MIB).unwrap().len(), MIB);
    assert_eq!(read(MIB - 1).unwrap_err(), NoRoom);
}

#[test]
fn an_answer_is_compressed_only_if_that_helps() {
    assert_eq!(super::gzip(b"{}"), None);
    let long = [b'a'; 1000];
    let short = super::gzip(&long).unwrap();
    assert_eq!(read(ContentEncoding::Gzip, short.to_vec()).unwrap(), long.as_slice());
}
