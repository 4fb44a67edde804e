use gleaner_export::MemoryOutput;

use super::*;

/// What a client gets of `write`.
fn sent(write: impl FnOnce(&mut ArchiveOutput)) -> Vec<u8> {
    let (lines, mut received) = mpsc::channel(64);
    write(&mut ArchiveOutput::new(lines));
    let mut out = Vec::new();
    while let Ok(line) = received.try_recv() {
        out.extend_from_slice(&line);
    }
    out
}

fn unpacked(archive: &[u8], cut: usize) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut out = MemoryOutput::default();
    let mut unpacker = Unpacker::new(&mut out);
    for bytes in archive.chunks(cut) {
        unpacker.take(bytes, &mut |_| ())?;
    }
    unpacker.finish()?;
    Ok(out.files)
}

#[test]
fn files_come_through_whatever_the_chunks() {
    let binary = [0u8, 159, 146, 150, b'\n'].repeat(PIECE_BYTES / 4);
    let archive = sent(|out| {
        out.write("manifest.json", b"{}").expect("sends");
        out.write("sft.jsonl", "{\"ä\":1}\n".as_bytes()).expect("sends");
        out.write("sft.parquet", &binary).expect("sends");
        out.write("rejected.jsonl", b"").expect("sends");
        out.finish().expect("sends");
    });
    for cut in [7, 4096, archive.len()] {
        let files = unpacked(&archive, cut).expect("whole");
        assert_eq!(files["sft.jsonl"], "{\"ä\":1}\n".as_bytes());
        assert_eq!(files["sft.parquet"], binary);
        assert_eq!((&files["rejected.jsonl"][..], &files["manifest.json"][..]), (&b""[..], &b"{}"[..]));
    }
    let whole = archive.iter().rposition(|b| *b == b'\n').expect("lines");
    assert!(unpacked(&archive[..whole], 64).is_err(), "an archive without its end");
}

#[test]
fn a_failed_export_and_odd_names_are_errors() {
    let archive = sent(|out| {
        out.write("sft.jsonl", b"{}\n").expect("sends");
        out.fail(&anyhow::anyhow!("the store is gone"));
    });
    assert_eq!(unpacked(&archive, 16).expect_err("refused").to_string(), "the store is gone");
    for name in ["../x", ".hidden", "a/b", ""] {
        let line = serde_json::json!({"file": name, "text": ""}).to_string() + "\n";
        assert!(unpacked(line.as_bytes(), 64).is_err(), "{name}");
    }
}

#[test]
fn a_client_that_is_gone_ends_the_export() {
    let (lines, received) = mpsc::channel(1);
    let mut out = ArchiveOutput::new(lines);
    let progress = out.progress(false);
    assert!(!progress.is_cancelled());
    drop(received);
    assert!(progress.is_cancelled());
    let error = out.write("sft.jsonl", &vec![b'x'; PIECE_BYTES]).expect_err("refused");
    assert!(matches!(error, ExportError::Cancelled));
}
