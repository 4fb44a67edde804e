use std::io::Write as _;
use std::process::Command;

use super::confine;

/// Set for the child, which is this test's own program once more: what a process takes from itself it never gets back.
const CHILD: &str = "GLEANER_TEST_CONFINED_IN";

/// Guarantees: a confined process reads its folder, threads included, and nothing else: no other file, no writing, no socket, no program.
#[test]
fn a_confined_process_reads_its_folder_only() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let folder = std::path::PathBuf::from(folder);
        let outside = folder.with_file_name("outside");
        assert!(std::fs::read(&outside).is_ok() && std::net::UdpSocket::bind("127.0.0.1:0").is_ok());
        confine(&folder).unwrap();
        let check = move || {
            assert_eq!(std::fs::read(folder.join("copy")).unwrap(), b"rows");
            assert!(std::fs::File::create(folder.join("new")).is_err());
            assert!(std::fs::OpenOptions::new().append(true).open(folder.join("copy")).is_err());
            assert!(std::fs::remove_file(folder.join("copy")).is_err());
            assert!(std::fs::create_dir(folder.join("folder")).is_err());
            assert!(std::net::UdpSocket::bind("127.0.0.1:0").is_err());
            assert!(std::net::TcpStream::connect("127.0.0.1:9").is_err_and(|e| e.raw_os_error() == Some(libc::EPERM)));
            assert!(Command::new("/bin/true").status().is_err());
            let is_fenced = std::fs::read(&outside).is_err() && std::fs::read("/etc/passwd").is_err();
            // A kernel without Landlock leaves reading to the rights of the user.
            assert!(is_fenced || !std::path::Path::new("/sys/kernel/security/landlock").exists() && !has_landlock());
        };
        check();
        std::thread::spawn(check.clone()).join().unwrap();
        println!("confined");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("copies");
    std::fs::create_dir(&folder).unwrap();
    std::fs::File::create(folder.join("copy")).unwrap().write_all(b"rows").unwrap();
    std::fs::write(dir.path().join("outside"), "secret").unwrap();
    let name = "confine::tests::a_confined_process_reads_its_folder_only";
    let mut child = Command::new(std::env::current_exe().unwrap());
    let out = child.args(["--exact", name, "--nocapture", "--test-threads", "1"]).env(CHILD, &folder).output().unwrap();
    let told = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && told.contains("confined"), "{told}");
}

/// Version 5.13 or newer, which distributions build with it.
fn has_landlock() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(5), Some(13))
}
