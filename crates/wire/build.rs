//! Compiles `proto/gleaner/feedback/v1/feedback.proto` with protox (no `protoc` needed) into message types, and writes
//! the descriptor set that gRPC reflection and the JSON mapping read. Services are generated where they are served.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    const PROTO_ROOT: &str = "../../proto";
    const FEEDBACK: &str = "gleaner/feedback/v1/feedback.proto";
    println!("cargo::rerun-if-changed={PROTO_ROOT}/{FEEDBACK}");

    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_file(FEEDBACK)?;
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    // Source info holds the comments: they become rustdoc, but would only fatten the descriptor that is served.
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(false)
        .compile_fds(compiler.file_descriptor_set())?;
    compiler.include_source_info(false);
    std::fs::write(out_dir.join("feedback_descriptor.binpb"), compiler.encode_file_descriptor_set())?;
    Ok(())
}
