//! The built binary as a child process, for tests that kill it, starve it or abuse it; and the ledger that checks what is left.

#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod ledger;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that is not ready by then has failed.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// The built binary.
pub(crate) fn gleaner() -> Command {
    Command::new(env!("CARGO_BIN_EXE_gleaner"))
}

/// A server. Killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) otlp_grpc: String,
    pub(crate) otlp_http: String,
    pub(crate) api: String,
    log: PathBuf,
}

impl Server {
    /// Ready when this returns.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, "", &[])
    }

    /// With keys of the configuration, and run by another program in front (`sh -c … sh`, `nice` …).
    pub(crate) fn start_with(data: &Path, config: &str, front: &[&str]) -> Self {
        let server = Self::spawn(data, config, front);
        server.until("the server is ready", |server| server.get("/readyz").is_some_and(|(status, _)| status == 200));
        server
    }

    /// Not ready yet, and perhaps never.
    pub(crate) fn spawn(data: &Path, config: &str, front: &[&str]) -> Self {
        let [otlp_grpc, otlp_http, api] = free_addresses();
        std::fs::create_dir_all(data).expect("a directory");
        let (config_file, log) = (data.join("test-config.toml"), data.join("test-log.txt"));
        std::fs::write(&config_file, config).expect("writes");
        let mut command = match front.split_first() {
            None => gleaner(),
            Some((program, args)) => {
                let mut command = Command::new(program);
                command.args(args).arg(env!("CARGO_BIN_EXE_gleaner"));
                command
            }
        };
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let child = command
            .args(["serve", "--otlp-grpc", &otlp_grpc, "--otlp-http", &otlp_http, "--api", &api, "--data"])
            .arg(data)
            .arg("--config")
            .arg(&config_file)
            .stderr(Stdio::from(stderr))
            .spawn()
            .expect("starts");
        Self { child, otlp_grpc, otlp_http, api, log }
    }

    /// Waits for what the server does by itself.
    pub(crate) fn until(&self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + READY_TIMEOUT;
        while !done(self) {
            assert!(Instant::now() < deadline, "not within {READY_TIMEOUT:?}: {what}; the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// What it has logged, and those before it in the same directory.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Status and body of a path of the API; `None`: no answer.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        let url = format!("http://{}{path}", self.api);
        block_on(async move {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
            let response = client.get(url).send().await.ok()?;
            Some((response.status().as_u16(), response.text().await.ok()?))
        })
    }

    /// Posts JSON to a path of the API; `None`: no answer.
    pub(crate) fn post_api(&self, path: &str, body: &'static str) -> Option<(u16, String)> {
        let url = format!("http://{}{path}", self.api);
        block_on(async move {
            let request = reqwest::Client::new().post(url).header("content-type", "application/json").body(body);
            let response = request.send().await.ok()?;
            Some((response.status().as_u16(), response.text().await.ok()?))
        })
    }

    /// The value of a line of `/metrics`; `line` is its name with its labels.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let text = self.get("/metrics").expect("answered").1;
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{line} is not in\n{text}")).parse().expect("a number")
    }

    /// Status of one OTLP request as protobuf over HTTP; `None`: no answer.
    pub(crate) fn post(&self, body: Vec<u8>) -> Option<u16> {
        let url = format!("http://{}/v1/traces", self.otlp_http);
        block_on(async move {
            let request = reqwest::Client::new().post(url).header("content-type", "application/x-protobuf");
            Some(request.body(body).send().await.ok()?.status().as_u16())
        })
    }

    /// The rows of a query, as JSON.
    pub(crate) fn sql(&self, query: &str) -> Vec<u8> {
        let output = gleaner().args(["sql", query, "--format", "json", "--api", &self.api]).output().expect("runs");
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Resident memory in bytes.
    pub(crate) fn rss_bytes(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("the process is there");
        let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
        pages * 4096
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("reaped");
    }

    /// SIGTERM, by its process id; gives whether it ended well within the time.
    pub(crate) fn terminate(mut self, within: Duration) -> bool {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("runs").success());
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return status.success();
            }
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already dead after a kill of the scenario.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `gleaner rebuild`; gives what it says.
pub(crate) fn rebuild(data: &Path) {
    let output = gleaner().args(["rebuild", "--data"]).arg(data).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The rows of a query over a directory at rest, as JSON.
pub(crate) fn sql_at_rest(data: &Path, query: &str) -> Vec<u8> {
    let output = gleaner().args(["sql", query, "--format", "json", "--data"]).arg(data).output().expect("runs");
    assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Three free ports. Held together until all are known, so that they differ.
fn free_addresses() -> [String; 3] {
    let listeners: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let address = |n: usize| listeners[n].local_addr().expect("an address").to_string();
    [address(0), address(1), address(2)]
}
