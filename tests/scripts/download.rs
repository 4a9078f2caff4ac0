//! `scripts/download.py` with a local server that gives right and wrong answers.
//!
//! Failing cases use the published checksums, succeeding ones those of the sample digits, since the
//! published files are too large to include.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use testing::{python, refusal, root, run, stdout};

const FILES: [&str; 4] = [
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
];

/// A running script that prints lines and ends when its stdin is closed.
pub struct Served {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Served {
    pub fn start(script: &str, args: &[&Path]) -> Self {
        let mut process = python(script)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    /// The next line of its output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A running `serve_files.py`.
struct Server {
    served: Served,
    port: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut served = Served::start("tests/python/serve_files.py", &[folder]);
        let port = served.line();
        Self { served, port }
    }

    fn url(&self, how: &str) -> String {
        format!("http://127.0.0.1:{}/{how}", self.port)
    }
}

fn digits() -> PathBuf {
    root("data/sample/digits")
}

/// The unchanged script, to download a published data set from `url`.
fn download(dataset: &str, url: &str, folder: &Path) -> Command {
    let mut command = python("scripts/download.py");
    command.arg(dataset);
    from(command, url, folder)
}

/// The script, to download the sample digits from `url`.
fn download_digits(url: &str, folder: &Path) -> Command {
    let mut command = python("tests/python/download_files.py");
    command.env("PYTHONPATH", root("scripts"));
    command.arg(digits()).arg("files");
    from(command, url, folder)
}

fn from(mut command: Command, url: &str, folder: &Path) -> Command {
    command
        .args(["--base-url", url, "--output"])
        .arg(folder)
        .env("no_proxy", "127.0.0.1");
    command
}

/// A folder that does not exist yet, inside one that does.
fn new_folder() -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new");
    (parent, folder)
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
        .iter()
        .map(|name| name.to_str().unwrap().to_owned())
        .collect()
}

fn assert_complete(folder: &Path) {
    assert_eq!(names(folder), FILES);
    for name in FILES {
        let file = |folder: &Path| fs::read(folder.join(name)).unwrap();
        assert!(file(folder) == file(&digits()), "{name} differs");
    }
}

/// A port without a listener.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn right_files_arrive_and_are_not_downloaded_again() {
    let server = Server::start(&digits());
    let (_parent, folder) = new_folder();
    stdout(&mut download_digits(&server.url("right"), &folder));
    assert_complete(&folder);
    let text = stdout(&mut download_digits(&closed_port(), &folder));
    assert_eq!(text.matches("already there").count(), 4, "{text}");
}

#[test]
fn a_wrong_file_is_replaced() {
    let server = Server::start(&digits());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILES[0]), "damaged").unwrap();
    stdout(&mut download_digits(&server.url("right"), folder.path()));
    assert_complete(folder.path());
}

#[test]
fn failures_end_in_one_line_and_leave_nothing() {
    let server = Server::start(&digits());
    let first = "train-images-idx3-ubyte.gz";
    let cases = [
        (server.url("truncated"), "cut short: expected"),
        (server.url("corrupt"), "found md5:"),
        (server.url("endless"), "at most 67,108,864 bytes"),
        (server.url("missing"), "HTTP Error 404: Not Found"),
        (closed_port(), "Connection refused"),
        ("http://no-such-host.invalid".into(), "cannot download"),
        ("nonsense".into(), "unknown url type"),
    ];
    for (url, expected) in cases {
        let (parent, folder) = new_folder();
        let line = refusal(&mut download("mnist", &url, &folder));
        assert!(line.contains(&format!("{url}/{first}")), "{line}");
        assert!(line.contains(expected), "{line}");
        assert!(names(parent.path()).is_empty(), "{url} leaves something");
    }
}

#[test]
fn a_wrong_checksum_is_reported_with_the_right_one() {
    let server = Server::start(&digits());
    let (_parent, folder) = new_folder();
    let line = refusal(&mut download("mnist", &server.url("right"), &folder));
    let expected = "expected the checksum md5:f68b3c2dcbeaaa9fbdd348bbdeb94873, found md5:";
    assert!(line.contains(expected), "{line}");
}

#[test]
fn a_download_that_is_killed_goes_on_where_a_file_ends() {
    let mut server = Server::start(&digits());
    let (_parent, folder) = new_folder();
    let mut killed = download_digits(&server.url("stalled"), &folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(server.served.line(), "stalled");
    // SIGKILL.
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(names(&folder), FILES[..2], "half a file, or litter");

    let text = stdout(&mut download_digits(&server.url("right"), &folder));
    assert_eq!(text.matches("already there").count(), 2, "{text}");
    assert_complete(&folder);
}

/// A server that sends a byte now and then is never idle, and never finished.
#[test]
fn a_file_that_takes_too_long_is_given_up() {
    let server = Server::start(&digits());
    for how in ["slow", "slow_header", "stalled"] {
        let (parent, folder) = new_folder();
        let mut command = download("mnist", &server.url(how), &folder);
        let line = refusal(command.arg("--deadline=1"));
        assert!(line.contains(&server.url(how)), "{line}");
        assert!(
            line.contains("not complete after 1 second (--deadline)"),
            "{line}"
        );
        assert!(names(parent.path()).is_empty(), "{how} leaves something");
    }
}

#[test]
fn folders_that_cannot_be_written() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "kept").unwrap();
    for folder in [file.clone(), file.join("below")] {
        let line = refusal(&mut download("mnist", &closed_port(), &folder));
        assert!(line.contains("cannot write into"), "{line}");
    }
    assert_eq!(fs::read(file).unwrap(), b"kept");

    let taken = parent.path().join("taken");
    fs::create_dir_all(taken.join(FILES[2])).unwrap();
    let line = refusal(&mut download("mnist", &closed_port(), &taken));
    assert!(line.contains("cannot read"), "{line}");
}

#[test]
fn wrong_usage() {
    for args in [
        &[][..],
        &["cifar"],
        &["mnist", "--no-such-option"],
        &["mnist", "--deadline=0"],
        &["mnist", "--deadline=nan"],
    ] {
        let output = run(python("scripts/download.py").args(args));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}

#[test]
#[ignore = "needs real data: FINAL_LAYER_DATA=<folder with ames/> cargo test -- --ignored"]
fn the_text_of_the_journal_becomes_the_csv_that_is_known() {
    let data = std::env::var_os("FINAL_LAYER_DATA").expect("FINAL_LAYER_DATA is not set");
    let csv = fs::read_to_string(Path::new(&data).join("ames/AmesHousing.csv")).unwrap();
    let text = csv
        .trim_start_matches('\u{feff}')
        .replace("\r\n", "\n")
        .replace(',', "\t");
    let journal = tempfile::tempdir().unwrap();
    fs::write(journal.path().join("AmesHousing.txt"), text).unwrap();

    let server = Server::start(journal.path());
    let (_parent, folder) = new_folder();
    stdout(&mut download("ames", &server.url("right"), &folder));
    assert_eq!(names(&folder), ["AmesHousing.csv"]);
    assert!(fs::read_to_string(folder.join("AmesHousing.csv")).unwrap() == csv);
}
