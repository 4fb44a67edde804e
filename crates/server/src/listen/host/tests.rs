use super::*;

fn allows(hosts: &AllowedHosts, host: &str) -> bool {
    hosts.allow(&Request::get("/").header(HOST, host).body(()).expect("a request"))
}

/// Guarantees (R19): on loopback, addresses and localhost are answered to and other names are not, unless they are listed.
#[test]
fn r19_names_are_answered_to_only_when_known() {
    let hosts = AllowedHosts::new(&["Collector.example".to_owned()], true);
    for host in [
        "localhost",
        "localhost:4318",
        "LOCALHOST.:80",
        "app.localhost",
        "127.0.0.1",
        "127.0.0.1:4318",
        "10.0.0.7:1",
        "[::1]:4318",
        "[::1]",
        "collector.example",
        "collector.example:4318",
    ] {
        assert!(allows(&hosts, host), "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:4318",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "xlocalhost",
        "",
        ":80",
        "1.2.3",
    ] {
        assert!(!allows(&hosts, host), "{host}");
    }
    let http_2 = Request::get("http://evil.example/x").body(()).expect("a request");
    assert!(!hosts.allow(&http_2), "the authority counts");
    assert!(hosts.allow(&Request::get("/").body(()).expect("a request")), "who names nobody is no browser");
}

/// Guarantees: beyond loopback all names are answered to until some are listed.
#[test]
fn r19_beyond_loopback_the_list_decides() {
    assert!(allows(&AllowedHosts::new(&[], false), "store.example"));
    let listed = AllowedHosts::new(&["store.example".to_owned()], false);
    assert!(allows(&listed, "store.example") && !allows(&listed, "evil.example"));
}
