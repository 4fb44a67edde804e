//! Generates the tonic stubs of the feedback service. `protox` reads the .proto files, so that nobody needs `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = "../../proto/gleaner/feedback/v1/feedback.proto";
    println!("cargo::rerun-if-changed={proto}");
    let descriptors = protox::compile([proto], ["../../proto"])?;
    tonic_prost_build::configure()
        // The messages are wire's; only the service is generated here.
        .extern_path(".gleaner.feedback.v1", "::gleaner_wire::feedback")
        .codec_path("crate::feedback_codec::FeedbackCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
