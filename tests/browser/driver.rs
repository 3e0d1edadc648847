//! Chromium, driven through chromedriver: the commands of <https://www.w3.org/TR/webdriver2> that
//! the tests need. They are few, so there is no library for them.

use crate::support::http::send;
use crate::support::server::{Directory, Server};
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

/// A cookie that the browser keeps for the page that it shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) domain: String,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: String,
    /// Seconds since 1970. Without it, the cookie goes when the browser is closed.
    pub(crate) expiry: Option<u64>,
}

/// A browser without a window, with a profile of its own. It reaches no host but this one, under
/// each name that ends in `.localhost` or `.test`, and it takes any certificate.
pub(crate) struct Chromium {
    driver: Server,
    profile: Directory,
    /// The path of all commands but the first.
    session: String,
}

const TEXT: &str = "return document.body ? document.body.innerText : ''";

impl Chromium {
    pub(crate) fn start() -> Self {
        let package = "chromium-driver (or set TEST_WITHOUT=chromium where it cannot be had)";
        let driver = Server::start("chromedriver", package, |port, _| {
            vec![format!("--port={port}"), "--log-level=OFF".to_owned()]
        });
        let mut this = Self {
            driver,
            profile: Directory::new(),
            session: String::new(),
        };
        this.begin();
        this
    }

    /// Closes the browser and starts it again, with the same profile.
    pub(crate) fn restart(&mut self) {
        self.quit();
        self.begin();
    }

    fn begin(&mut self) {
        let profile = self.profile.path().display();
        let mut arguments = vec![
            "--headless=new".to_owned(),
            format!("--user-data-dir={profile}"),
            "--window-size=1280,900".to_owned(),
            "--password-store=basic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.localhost 127.0.0.1, \
             MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
                .to_owned(),
        ];
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            arguments.push("--no-sandbox".to_owned());
        }
        let capabilities = json!({
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            // The implicit one is for elements to be there.
            "timeouts": { "pageLoad": 15_000, "script": 10_000, "implicit": 3_000 },
            "goog:chromeOptions": { "args": arguments },
        });
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = self.call("POST", "/session", &body).unwrap_or_else(|error| {
            panic!("Chromium does not start: {error}\nrun tests/run.sh, or apt-get install chromium chromium-driver")
        });
        self.session = format!("/session/{}", text(&session["sessionId"]));
    }

    fn quit(&self) {
        self.call("DELETE", &self.session, &Value::Null).unwrap();
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let address = format!("127.0.0.1:{}", self.driver.port());
        let json = "content-type: application/json\r\n";
        let body = match method {
            "POST" => body.to_string(),
            _ => String::new(),
        };
        let reply = send(&address, method, path, json, &body);
        let mut answer: Value = serde_json::from_str(&reply.body).unwrap();
        match reply.status {
            200 => Ok(answer["value"].take()),
            _ => Err(text(&answer["value"]["message"])),
        }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let path = format!("{}/{path}", self.session);
        let answer = self.call("GET", &path, &Value::Null);
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("{}/{path}", self.session);
        let answer = self.call("POST", &path, body);
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Goes to an address, as if it were typed.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    #[track_caller]
    pub(crate) fn reload(&self) {
        self.post("refresh", &json!({}));
    }

    #[track_caller]
    pub(crate) fn back(&self) {
        self.post("back", &json!({}));
    }

    /// The text that the page shows.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        text(&self.run(TEXT))
    }

    /// The page shows this text in the end: a click does not always wait for the page that it leads
    /// to.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        self.wait_for(|page| page.contains(text));
    }

    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        self.wait_for(|page| !page.contains(text));
    }

    #[track_caller]
    fn wait_for(&self, is_so: impl Fn(&str) -> bool) {
        let end = Instant::now() + Duration::from_secs(15);
        loop {
            // Between two pages there is an error.
            let page = self.try_run(TEXT).map(|page| text(&page));
            match page {
                Ok(page) if is_so(&page) => return,
                page => assert!(Instant::now() < end, "the page shows: {page:?}"),
            }
        }
    }

    /// Clicks the first element that this CSS selector finds.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.find(selector)), &json!({}));
    }

    /// Types into a field.
    #[track_caller]
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let body = json!({ "text": text });
        self.post(&format!("{}/value", self.find(selector)), &body);
    }

    #[track_caller]
    fn find(&self, selector: &str) -> String {
        let by = json!({ "using": "css selector", "value": selector });
        let found = self.post("element", &by);
        let id = found.as_object().unwrap().values().next().unwrap();
        format!("element/{}", text(id))
    }

    /// What the body of a function returns, or the promise that it returns.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.try_run(script)
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    fn try_run(&self, script: &str) -> Result<Value, String> {
        let path = format!("{}/execute/sync", self.session);
        self.call("POST", &path, &json!({ "script": script, "args": [] }))
    }

    /// Goes into the first frame of the page.
    #[track_caller]
    pub(crate) fn enter_frame(&self) {
        self.post("frame", &json!({ "id": 0 }));
    }

    /// The cookies that the page's address is sent, by name.
    pub(crate) fn cookies(&self) -> Vec<Cookie> {
        let mut cookies: Vec<Cookie> = serde_json::from_value(self.get("cookie")).unwrap();
        cookies.sort_by(|one, other| one.name.cmp(&other.name));
        cookies
    }

    /// The tab that commands go to.
    pub(crate) fn tab(&self) -> String {
        text(&self.get("window"))
    }

    /// Opens another tab. Commands go to it from now on.
    pub(crate) fn open_tab(&self) -> String {
        let tab = text(&self.post("window/new", &json!({ "type": "tab" }))["handle"]);
        self.switch_to(&tab);
        tab
    }

    #[track_caller]
    pub(crate) fn switch_to(&self, tab: &str) {
        self.post("window", &json!({ "handle": tab }));
    }

    /// Shows pages as a phone does.
    pub(crate) fn be_a_phone(&self) {
        let screen = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
        self.develop("Emulation.setDeviceMetricsOverride", &screen);
    }

    /// Runs no script of any page from now on.
    pub(crate) fn switch_scripts_off(&self) {
        let value = json!({ "value": true });
        self.develop("Emulation.setScriptExecutionDisabled", &value);
    }

    /// A command of the developer tools.
    fn develop(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("goog/cdp/execute", &body);
    }

    /// Puts a picture of the page where a person can look at it: `target/tmp/browser`.
    pub(crate) fn picture(&self, name: &str) {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        std::fs::create_dir_all(&folder).unwrap();
        let png = BASE64_STANDARD.decode(text(&self.get("screenshot")));
        std::fs::write(folder.join(format!("{name}.png")), png.unwrap()).unwrap();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // So that nothing writes into the profile any more. Not to panic in a test that already does.
        if !std::thread::panicking() {
            self.quit();
        }
        // The browser, if it is still there. Its own processes end with it.
        self.driver.kill_children();
    }
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
