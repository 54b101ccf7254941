//! A browser with the page in it, and a person who uses it.

use crate::server::SOON;
use serde_json::Value;
use std::{
    convert::Infallible,
    process::Stdio,
    time::{Duration, Instant},
};
use thirtyfour::prelude::*;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// What Chromium needs as root and without a display, and what keeps it from calling its maker.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
];

/// How a failed request shows in the console, whatever the page makes of it.
const FAILED_REQUEST: &str = "Failed to load resource";

/// The page in a browser of its own.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    driver: WebDriver,
}

/// Opens a browser for `visit`, and closes it however that ends.
pub(crate) async fn visit(url: &str, visit: impl AsyncFnOnce(&Page)) {
    let (driver_process, driver_url) = start_driver().await;
    let profile = tempfile::tempdir().unwrap();
    let mut wanted = DesiredCapabilities::chrome();
    for argument in ARGUMENTS {
        wanted.add_arg(argument).unwrap();
    }
    let profile_argument = format!("--user-data-dir={}", profile.path().display());
    wanted.add_arg(&profile_argument).unwrap();
    wanted
        .set_browser_log_level(thirtyfour::LoggingPrefsLogLevel::All)
        .unwrap();
    let driver = WebDriver::new(&driver_url, wanted).await.unwrap();
    let visited = driver.run_and_quit(async |driver| {
        let page = Page { driver };
        page.open(url).await;
        visit(&page).await;
        Ok::<(), Infallible>(())
    });
    visited.await.unwrap();
    drop(driver_process);
}

/// Starts ChromeDriver, and tells where it listens.
///
/// It lets the system choose a port of `::1` and then needs the same one of `127.0.0.1`. Where
/// that belongs to somebody else it ends, and another start is another choice.
async fn start_driver() -> (Child, String) {
    let started = async {
        loop {
            let mut process = Command::new("chromedriver")
                .arg("--port=0")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .expect("ChromeDriver starts: install the packages chromium and chromium-driver");
            let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
            while let Some(line) = said.next_line().await.unwrap() {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return (process, port.trim_end_matches('.').to_owned());
                }
            }
        }
    };
    let (process, port) = tokio::time::timeout(SOON, started)
        .await
        .expect("ChromeDriver says where it listens");
    (process, format!("http://127.0.0.1:{port}"))
}

impl Page {
    pub(crate) async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// What a script says of the page.
    pub(crate) async fn tell(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        let told = self.driver.execute(&script, Vec::new()).await;
        told.unwrap_or_else(|error| panic!("{expression}: {error}"))
            .json()
            .clone()
    }

    /// Waits until a script says that something is so.
    pub(crate) async fn until(&self, expression: &str) {
        let give_up = Instant::now() + SOON;
        while self.tell(expression).await != Value::Bool(true) {
            if Instant::now() >= give_up {
                let shown = self.tell("document.body.innerText").await;
                panic!("waited in vain for {expression}; the page shows:\n{shown}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an element's text contains this one.
    pub(crate) async fn until_says(&self, selector: &str, text: &str) {
        let (selector, text) = (Value::from(selector), Value::from(text));
        let is_so = "Boolean(document.querySelector(SELECTOR)?.innerText.includes(TEXT))";
        let is_so = is_so.replace("SELECTOR", &selector.to_string());
        self.until(&is_so.replace("TEXT", &text.to_string())).await;
    }

    /// Waits until the table has these tasks, in this order.
    pub(crate) async fn until_lists(&self, ids: &[&str]) {
        let ids = Value::from(ids.to_vec()).to_string();
        let shown = "JSON.stringify([...document.querySelectorAll('#list tbody th a')]\
                     .map((link) => link.textContent)) === JSON.stringify(IDS)";
        self.until(&shown.replace("IDS", &ids)).await;
    }

    /// Waits until the table has as many tasks.
    pub(crate) async fn until_counts(&self, tasks: usize) {
        let rows = "document.querySelectorAll('#list tbody tr').length";
        self.until(&format!("{rows} === {tasks}")).await;
    }

    /// An element, once it can be clicked.
    async fn find(&self, by: By) -> WebElement {
        let query = self.driver.query(by).and_clickable();
        let found = query.wait(SOON, Duration::from_millis(50)).first().await;
        found.unwrap()
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.find(By::Css(selector)).await.click().await.unwrap();
    }

    /// Clicks the button that says this.
    pub(crate) async fn press(&self, name: &str) {
        let path = format!("//button[normalize-space()='{name}']");
        self.find(By::XPath(path)).await.click().await.unwrap();
    }

    /// Clicks the link that says this.
    pub(crate) async fn follow(&self, name: &str) {
        let path = format!("//a[normalize-space()='{name}']");
        self.find(By::XPath(path)).await.click().await.unwrap();
    }

    /// Writes into a field, in place of what it has, and leaves it by the enter key.
    pub(crate) async fn enter(&self, selector: &str, text: &str) {
        let field = self.find(By::Css(selector)).await;
        field.clear().await.unwrap();
        field.send_keys(text + Key::Enter).await.unwrap();
    }

    /// Writes into a field and stays in it.
    pub(crate) async fn write(&self, selector: &str, text: &str) {
        let field = self.find(By::Css(selector)).await;
        field.send_keys(text).await.unwrap();
    }

    pub(crate) async fn choose(&self, selector: &str, option: &str) {
        let path = format!("{selector} option");
        for found in self.driver.find_all(By::Css(path)).await.unwrap() {
            if found.text().await.unwrap() == option {
                return found.click().await.unwrap();
            }
        }
        panic!("{selector} has no {option}");
    }

    pub(crate) async fn url(&self) -> String {
        self.driver.current_url().await.unwrap().to_string()
    }

    /// Loads it anew.
    pub(crate) async fn reload(&self) {
        self.driver.refresh().await.unwrap();
    }

    /// That the browser had nothing to complain of: no error of a script, no breach of the policy.
    /// Requests that fail show too, and are looked at where they are meant to.
    pub(crate) async fn console_is_clean(&self, may_requests_fail: bool) {
        let log = self.driver.browser_log().await.unwrap();
        let complaints: Vec<&str> = log
            .iter()
            .map(|entry| entry.message.as_str())
            .filter(|message| !(may_requests_fail && message.contains(FAILED_REQUEST)))
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}
