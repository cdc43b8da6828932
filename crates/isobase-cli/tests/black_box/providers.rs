//! Signing in with a real OpenID Connect provider: npm's `oidc-provider`.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use isobase_testkit::{
    ReservedPort, TestServer, browser,
    http::{self, Response},
    npm_packages,
};
use serde_json::{Value, json};

use super::command::{App, root};

/// Where browsers are to reach the service. Nothing listens there: the browser of this test knows
/// better.
const PUBLIC: &str = "http://127.0.0.1:1";
/// With what Basic goes wrong in when it is not form-encoded.
const SECRET: &str = "s+e c%r&t/=:?";

/// The provider, in a process of its own.
struct Provider {
    process: Child,
    issuer: String,
    /// It writes more later, and ends when no one could read that.
    _said: BufReader<ChildStdout>,
}

impl Provider {
    fn start(packages: &Path) -> Self {
        Self::start_for(packages, PUBLIC, 0)
    }

    /// For a service at an address, at a port.
    fn start_for(packages: &Path, service: &str, port: u16) -> Self {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/emulators/oidc-provider.cjs");
        let mut command = Command::new("node");
        command.arg(program).arg(format!("{service}/api/login/with/test/callback")).arg(SECRET);
        command.arg(port.to_string());
        command.env("NODE_PATH", packages).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let issuer = line.trim().to_owned();
        assert!(!issuer.is_empty(), "the provider starts");
        Self { process, issuer, _said: said }
    }

    fn address(&self) -> SocketAddr {
        self.issuer.trim_start_matches("http://").parse().unwrap()
    }

    fn ask(&self, path: &str) -> String {
        http::request(self.address(), "POST", path, &[], b"").unwrap().text()
    }

    fn settings(&self, more: &str) -> String {
        let issuer = &self.issuer;
        format!(
            "[providers.test]\nissuer = \"{issuer}\"\nclient_id = \"isobase\"\n\
             client_secret_variable = \"TEST_SECRET\"\n{more}"
        )
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser with its cookies.
struct Browser<'a> {
    server: &'a TestServer,
    provider: &'a Provider,
    cookies: BTreeMap<(SocketAddr, String), String>,
}

impl<'a> Browser<'a> {
    fn new(server: &'a TestServer, provider: &'a Provider) -> Self {
        Self { server, provider, cookies: BTreeMap::new() }
    }

    fn ask(&mut self, method: &str, url: &str, body: &str) -> Response {
        let (address, path) = match url.strip_prefix(PUBLIC) {
            Some(path) => (self.server.address(), path),
            None => match url.strip_prefix(&self.provider.issuer) {
                Some(path) => (self.provider.address(), path),
                None => panic!("nobody is at {url}"),
            },
        };
        let of_host = self.cookies.iter().filter(|((host, _), _)| *host == address);
        let cookies: Vec<_> = of_host.map(|((_, name), value)| format!("{name}={value}")).collect();
        let kind = if body.starts_with('{') { "json" } else { "x-www-form-urlencoded" };
        let kind = format!("application/{kind}");
        // The page that the browser comes from is the provider's.
        let mut headers = vec![("content-type", &*kind)];
        if method == "GET" {
            headers.push(("sec-fetch-site", "cross-site"));
        }
        let cookies = cookies.join("; ");
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let answer = http::request(address, method, path, &headers, body.as_bytes()).unwrap();
        for (name, line) in &answer.headers {
            if name == "set-cookie" {
                let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
                self.cookies.insert((address, name.to_owned()), value.to_owned());
            }
        }
        answer
    }

    /// Follows until there is a page, and gives its address with it.
    fn follow(&mut self, url: &str) -> (String, Response) {
        let mut url = url.to_owned();
        for _ in 0..20 {
            let answer = self.ask("GET", &url, "");
            let Some(next) = answer.header("location").filter(|_| answer.status == 303) else {
                return (url, answer);
            };
            url = match next.starts_with('/') {
                true => format!("{}{next}", &url[..url[8..].find('/').unwrap() + 8]),
                false => next.to_owned(),
            };
            if url.contains("/callback?") || url.starts_with(&format!("{PUBLIC}/confirm")) {
                let answer = Response { status: 0, headers: Vec::new(), body: Vec::new() };
                return (url, answer);
            }
        }
        panic!("no end of redirections at {url}");
    }

    /// Signs in at the provider and consents; gives the address to which it sends the browser back.
    fn at_provider(&mut self, url: &str, login: &str) -> String {
        let (mut url, _) = self.follow(url);
        for form in [format!("prompt=login&login={login}&password=x"), "prompt=consent".to_owned()]
        {
            if url.contains("/callback?") {
                break;
            }
            let answer = self.ask("POST", &url, &form);
            let next = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text()));
            let next = next.to_owned();
            url = self.follow(&next).0;
        }
        url
    }

    fn sign_in(&mut self, login: &str) -> Response {
        let begun = format!("{PUBLIC}/api/login/with/test?return_to=/me");
        let back = self.at_provider(&begun, login);
        self.ask("GET", &back, "")
    }

    fn me(&mut self) -> Value {
        self.ask("GET", &format!("{PUBLIC}/api/me"), "").json().unwrap()
    }

    fn post(&mut self, path: &str, body: Value) -> Response {
        self.ask("POST", &format!("{PUBLIC}{path}"), &body.to_string())
    }
}

fn start(app: &App, provider: &Provider, more: &str) -> TestServer {
    serve(app, &provider.settings(more))
}

fn serve(app: &App, settings: &str) -> TestServer {
    serve_as(app, settings, Some(PUBLIC))
}

fn serve_as(app: &App, settings: &str, public_url: Option<&str>) -> TestServer {
    let settings = app.write("isobase.toml", settings);
    let mut builder =
        TestServer::builder().env("TEST_SECRET", SECRET).arg("--config").arg(settings);
    if let Some(url) = public_url {
        builder = builder.env("ISOBASE_PUBLIC_URL", url);
    }
    builder.start().unwrap()
}

fn with_provider() -> Option<(PathBuf, Provider)> {
    let packages = npm_packages()?;
    let provider = Provider::start(&packages);
    Some((packages, provider))
}

#[test]
fn people_of_a_real_provider_sign_in() {
    let Some((_, provider)) = with_provider() else { return };
    let app = App::new();
    let server = start(&app, &provider, "");
    let mut browser = Browser::new(&server, &provider);
    let listed = browser.ask("GET", &format!("{PUBLIC}/api/login/providers"), "").text();
    assert_eq!(
        listed,
        r#"{"providers":[{"id":"test","label":"test","url":"/api/login/with/test"}]}"#
    );
    let signed_in = browser.sign_in("ann");
    assert_eq!(signed_in.status, 303, "{}", signed_in.text());
    assert_eq!(signed_in.header("location"), Some("/me"));
    let me = browser.me();
    assert_eq!((&me["username"], &me["email"]), (&json!("ann"), &json!("ann@x.org")));
    assert_eq!(me["verified"], true);
    // The same again, in another browser, with another key of the provider.
    provider.ask("/rotate");
    let mut another = Browser::new(&server, &provider);
    assert_eq!(another.sign_in("ann").status, 303);
    assert_eq!(another.me(), me);
    let exchanged = provider.ask("/exchanges");
    assert_eq!(exchanged, "2");
    // Anyone who comes back a second time, or without the cookie, gets nothing.
    let begun = format!("{PUBLIC}/api/login/with/test");
    let mut third = Browser::new(&server, &provider);
    let back = third.at_provider(&begun, "eve");
    let cookies = third.cookies.clone();
    assert_eq!(Browser::new(&server, &provider).ask("GET", &back, "").status, 403);
    assert_eq!(third.ask("GET", &back, "").status, 303);
    third.cookies = cookies;
    let again = third.ask("GET", &back, "");
    assert_eq!(again.status, 403, "{}", again.text());
    assert_eq!(again.json().unwrap()["code"], "sign_in_not_begun");
    assert_eq!(provider.ask("/exchanges"), "3");
    let log = server.log();
    assert!(!log.contains("code=") && !log.contains(SECRET), "{log}");
}

#[test]
fn people_sign_in_at_the_page_of_a_provider() {
    let (Some(browser), Some(packages)) = (browser(), npm_packages()) else { return };
    let app = App::new();
    let port = ReservedPort::new().unwrap();
    let settings = format!(
        "[providers.test]\nissuer = \"http://{}\"\nclient_id = \"isobase\"\n\
         client_secret_variable = \"TEST_SECRET\"\n",
        port.address()
    );
    let server = serve_as(&app, &settings, None);
    let provider = Provider::start_for(&packages, &server.url(), port.port());
    let script = root().join("tests/browser/sign-in.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(&browser.packages).arg(&browser.program);
    let output = command.args([&server.url(), &provider.issuer]).stdin(Stdio::null()).output();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{}", server.log());
}

#[test]
fn an_account_links_and_unlinks_its_identity() {
    let Some((_, provider)) = with_provider() else { return };
    let app = App::new();
    let server = start(&app, &provider, "link_by_email = true\n");
    let mut browser = Browser::new(&server, &provider);
    let own = json!({ "username": "own", "email": "unknown@x.org", "password": "secret" });
    assert_eq!(browser.post("/api/register", own).status, 200);
    let other = json!({ "username": "other", "email": "bob@x.org", "password": "secret" });
    assert_eq!(Browser::new(&server, &provider).post("/api/register", other).status, 200);
    // No one proved that address here, so it opens nothing.
    let taken = Browser::new(&server, &provider).sign_in("bob");
    assert_eq!(taken.json().unwrap()["code"], "email_taken", "{}", taken.text());
    let link = |password: &str| json!({ "provider": "test", "password": password });
    assert_eq!(browser.post("/api/me/identities", link("guess")).status, 401);
    let begun = browser.post("/api/me/identities", link("secret"));
    let url = begun.json().unwrap()["url"].as_str().unwrap().to_owned();
    let back = browser.at_provider(&url, "unknown");
    assert_eq!(browser.ask("GET", &back, "").status, 303);
    let identities = format!("{PUBLIC}/api/me/identities");
    let listed = browser.ask("GET", &identities, "").json().unwrap();
    assert_eq!(listed["identities"][0]["subject"], "unknown");
    let mut fresh = Browser::new(&server, &provider);
    assert_eq!(fresh.sign_in("unknown").status, 303);
    assert_eq!(fresh.me()["username"], "own");
    let unlinked = fresh.ask("DELETE", &format!("{identities}/test"), "");
    assert_eq!(unlinked.status, 200, "{}", unlinked.text());
    // Its address is not known to be right, so it is another person from now on.
    let mut stranger = Browser::new(&server, &provider);
    assert_eq!(stranger.sign_in("unknown").status, 303);
    let me = stranger.me();
    assert_eq!((&me["username"], &me["email"]), (&json!("unknown"), &Value::Null));
    assert_eq!(stranger.ask("DELETE", &format!("{identities}/test"), "").status, 409);
}

/// The same provider, of which nothing is known but its addresses.
#[test]
fn people_sign_in_by_plain_oauth() {
    let Some((_, provider)) = with_provider() else { return };
    let app = App::new();
    let issuer = &provider.issuer;
    let settings = |more: &str| {
        format!(
            "[providers.test]\nauthorize_url = \"{issuer}/auth\"\ntoken_url = \"{issuer}/token\"\n\
             userinfo_url = \"{issuer}/me\"\nclient_id = \"isobase\"\nsubject = \"sub\"\n\
             name = \"preferred_username\"\nscopes = [\"openid\", \"profile\", \"email\"]\n\
             client_secret_variable = \"TEST_SECRET\"\n{more}"
        )
    };
    let server = serve(&app, &settings(""));
    let mut browser = Browser::new(&server, &provider);
    let signed_in = browser.sign_in("ann");
    assert_eq!(signed_in.header("location"), Some("/me"), "{}", signed_in.text());
    let me = browser.me();
    assert_eq!((&me["username"], &me["email"]), (&json!("ann"), &json!("ann@x.org")));
    assert_eq!(me["verified"], true);
    let mut another = Browser::new(&server, &provider);
    assert_eq!(another.sign_in("ann").status, 303);
    assert_eq!(another.me(), me);
    // Whose address is not known to be right has none.
    let mut unknown = Browser::new(&server, &provider);
    assert_eq!(unknown.sign_in("unknown").status, 303);
    assert_eq!(unknown.me()["email"], Value::Null);
    // A member that is not there is no one.
    let wrong = serve(&app, &settings("").replace("\"sub\"", "\"data.id\""));
    let nobody = Browser::new(&wrong, &provider).sign_in("ann");
    assert_eq!(nobody.status, 403, "{}", nobody.text());
    assert_eq!(nobody.json().unwrap()["code"], "sign_in_refused");
    // This provider takes the secret in both places.
    let in_form = serve(&app, &settings("secret_in = \"form\"\n"));
    let in_form = Browser::new(&in_form, &provider).sign_in("ann");
    assert_eq!(in_form.status, 303, "{}", in_form.text());
}

/// Other services sign in to it: what takes the password again takes a fresh sign-in.
#[test]
fn an_account_without_a_password_shows_a_fresh_sign_in() {
    let Some((_, provider)) = with_provider() else { return };
    let app = App::new();
    let server = start(&app, &provider, "");
    let mut browser = Browser::new(&server, &provider);
    assert_eq!(browser.sign_in("ann").status, 303);
    let identities = |browser: &mut Browser<'_>| {
        browser.ask("GET", &format!("{PUBLIC}/api/me/identities"), "").json().unwrap()
    };
    assert_eq!(identities(&mut browser)["has_password"], false);
    let offered = browser.post("/api/me/second-factor", json!({}));
    assert_eq!(offered.status, 200, "{}", offered.text());
    let password = format!("{PUBLIC}/api/me/password");
    let set = browser.ask("PUT", &password, r#"{"new_password":"correct horse"}"#);
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(identities(&mut browser)["has_password"], true);
    // From now on it takes the password.
    let again = browser.ask("PUT", &password, r#"{"new_password":"another one"}"#);
    assert_eq!((again.status, &again.json().unwrap()["code"]), (400, &json!("account_incomplete")));
    let unlinked = browser.ask("DELETE", &format!("{PUBLIC}/api/me/identities/test"), "");
    assert_eq!(unlinked.status, 200, "{}", unlinked.text());
    let refused = browser.ask("DELETE", &format!("{PUBLIC}/api/me"), "{}");
    assert_eq!(refused.status, 401, "{}", refused.text());

    let mut other = Browser::new(&server, &provider);
    assert_eq!(other.sign_in("bob").status, 303);
    assert_eq!(other.ask("DELETE", &format!("{PUBLIC}/api/me"), "{}").status, 200);
    assert_eq!(other.ask("GET", &format!("{PUBLIC}/api/me"), "").status, 401);
}

#[test]
fn a_provider_that_is_down_is_told_and_signs_nobody_in() {
    let Some((packages, provider)) = with_provider() else { return };
    let app = App::new();
    let server = start(&app, &provider, "");
    let mut browser = Browser::new(&server, &provider);
    let back = browser.at_provider(&format!("{PUBLIC}/api/login/with/test"), "ann");
    let (cookies, address) = (browser.cookies, provider.address());
    drop(provider);
    let away = Provider::start(&packages);
    let mut browser = Browser { server: &server, provider: &away, cookies };
    let down = browser.ask("GET", &back, "");
    assert_eq!(down.status, 503, "{}", down.text());
    assert!(down.header("retry-after").is_some());
    assert_eq!(down.json().unwrap()["code"], "provider_unavailable");
    assert!(!down.text().contains(&address.to_string()), "{}", down.text());
    assert_eq!(browser.ask("GET", &format!("{PUBLIC}/api/me"), "").status, 401);
    // One that is down from the start, and one that is none.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = format!("[providers.test]\nissuer = \"http://{closed}\"\nclient_id = \"x\"\n");
    let settings = app.write("isobase.toml", &settings);
    let server = TestServer::builder().arg("--config").arg(settings).start().unwrap();
    let begun = server.request("GET", "/api/login/with/test", &[], b"").unwrap();
    assert_eq!(begun.status, 503, "{}", begun.text());
    let unknown = server.request("GET", "/api/login/with/other", &[], b"").unwrap();
    assert_eq!(unknown.status, 404, "{}", unknown.text());
}

#[test]
fn wrong_providers_name_their_place() {
    let app = App::new();
    let issuer = "issuer = \"https://id.example.org\"";
    for (lines, parts) in [
        ("client_id = \"x\"".to_owned(), &["isobase.toml:1", "issuer is missing"] as &[&str]),
        (issuer.to_owned(), &["isobase.toml:1", "client_id is missing"]),
        (format!("{issuer}\nclient_idd = \"x\""), &["isobase.toml:3", "did you mean client_id?"]),
        ("issuer = \"http://id.example.org\"\nclient_id = \"x\"".to_owned(), &["https://"]),
        (format!("{issuer}\nclient_id = \"x\"\nalgorithms = [\"none\"]"), &["RS256"]),
        (
            format!("{issuer}\nclient_id = \"x\"\nclient_secret_variable = \"NOT_SET\""),
            &["NOT_SET", "not set"],
        ),
    ] {
        app.write("isobase.toml", &format!("[providers.test]\n{lines}\n"));
        app.run(&["serve", ".", "0"]).fails(2, parts);
    }
    app.write("isobase.toml", &format!("[providers.Te-st]\n{issuer}\nclient_id = \"x\"\n"));
    app.run(&["serve", ".", "0"]).fails(2, &["isobase.toml:1", "lower case letters"]);
}
