use axum::body::Body;

use super::*;

const LIMIT: usize = 1000;

fn limits() -> Limits {
    Limits { max_request_bytes: LIMIT, ..Limits::default() }
}

fn held(max_bytes: u64) -> (Held, Pool) {
    let all = Pool::of_all(max_bytes);
    (Held::nothing(&all, &Pool::of_connection(max_bytes)), all)
}

/// A body without a length, in these pieces.
fn pieces(pieces: Vec<Vec<u8>>) -> Body {
    Body::from_stream(tokio_stream::iter(pieces.into_iter().map(Ok::<_, std::convert::Infallible>)))
}

fn message(flag: u8, announced: usize, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(announced).expect("fits");
    [&[flag], length.to_be_bytes().as_slice(), bytes].concat()
}

async fn grpc(body: Vec<Vec<u8>>) -> Result<(bool, Bytes), Refusal> {
    grpc_message(&mut pieces(body), &limits(), &mut held(1 << 20).0).await
}

/// Guarantees: however a message is cut into pieces, it arrives as it was.
#[tokio::test]
async fn a_message_arrives_in_any_pieces() {
    let whole = message(1, 20, &[7; 20]);
    for cut in 0..whole.len() {
        let (head, tail) = whole.split_at(cut);
        for sent in [vec![head.to_vec(), tail.to_vec()], whole.iter().map(|byte| vec![*byte]).collect()] {
            assert_eq!(grpc(sent).await.expect("a message"), (true, Bytes::from(vec![7; 20])));
        }
    }
    assert_eq!(grpc(vec![message(0, 0, &[])]).await.expect("an empty one"), (false, Bytes::new()));
}

/// Guarantees: what is no single message is INVALID, and a length over the limit is TOO_LARGE before any of it came.
#[tokio::test]
async fn what_is_no_message_is_refused() {
    for bad in [
        vec![],
        vec![0; 4],
        message(2, 1, &[0]),
        message(0, 3, &[0; 2]),
        message(0, 3, &[0; 4]),
        [message(0, 1, &[0]), message(0, 1, &[0])].concat(),
    ]
    .map(|bytes: Vec<_>| bytes.into_iter().map(|byte: u8| vec![byte]).collect::<Vec<_>>())
    {
        assert_eq!(grpc(bad).await.expect_err("refused").code, ErrorCode::Invalid);
    }
    assert_eq!(grpc(vec![message(0, LIMIT + 1, &[])]).await.expect_err("refused").code, ErrorCode::TooLarge);
    assert_eq!(grpc(vec![message(0, LIMIT, &[1; LIMIT])]).await.expect("at the limit").1.len(), LIMIT);
}

/// Guarantees: an HTTP body is bounded with and without a length; room is taken for what came and no more.
#[tokio::test]
async fn http_bodies_are_bounded_by_what_came() {
    let read = async |mut body: Body, held: &mut Held| http_body(&mut body, &limits(), held).await;
    let (mut budget, all) = held(1 << 20);
    assert_eq!(read(Body::from(vec![0; LIMIT]), &mut budget).await.expect("at the limit").len(), LIMIT);
    assert_eq!(all.used_bytes(), LIMIT as u64);
    drop(budget);
    assert_eq!(all.used_bytes(), 0);
    for over in [Body::from(vec![0; LIMIT + 1]), pieces(vec![vec![0; LIMIT], vec![0]])] {
        assert_eq!(read(over, &mut held(1 << 20).0).await.expect_err("refused").code, ErrorCode::TooLarge);
    }
    let busy = read(pieces(vec![vec![0; 40], vec![0; 40]]), &mut held(50).0).await;
    assert_eq!(busy.expect_err("no room").code, ErrorCode::Busy);
}

/// Guarantees: the output of a decompressor is admitted too, and only its size stays held.
#[tokio::test]
async fn decompressed_bytes_are_admitted() {
    let compressed = Bytes::from(zstd::encode_all([5; LIMIT].as_slice(), 1).expect("compresses"));
    let decompress = async |room: u64| {
        let (mut held, all) = held(room);
        held.grow(compressed.len()).expect("room");
        decompressed(ContentEncoding::Zstd, compressed.clone(), &limits(), held).await.map(|r| (r, all))
    };
    let (received, all) = decompress(2 * LIMIT as u64).await.expect("room");
    assert_eq!((received.body.len(), all.used_bytes()), (LIMIT, LIMIT as u64));
    assert_eq!(decompress(LIMIT as u64).await.expect_err("no room").code, ErrorCode::Busy);
}

/// Guarantees: a body that does not come is given up in time, as something that a retry may mend.
#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let never = Body::from_stream(tokio_stream::pending::<Result<Bytes, std::convert::Infallible>>());
    let arriving = async {
        let (mut body, limits) = (never, limits());
        http_body(&mut body, &limits, &mut held(100).0).await
    };
    let refusal = in_time(Duration::from_millis(20), arriving).await.expect_err("too late");
    assert_eq!(refusal.code, ErrorCode::Unavailable);
}
