//! One Python per test process: it imports torch once and forks for each script.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;

use serde_json::json;
use tempfile::NamedTempFile;

use crate::root;

/// The running server. It ends with this process, when its stdin is closed.
struct Server {
    stdin: Mutex<(ChildStdin, u64)>,
    ended: Mutex<Option<HashMap<u64, i32>>>,
    changed: Condvar,
}

/// The result of a script.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a script of the project with arguments in UTF-8, in a fork of the server.
pub fn run(script: &str, args: &[&OsStr]) -> Ran {
    let server = server();
    let (stdout, stderr) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
    let args: Vec<&str> = args
        .iter()
        .map(|arg| arg.to_str().expect("UTF-8"))
        .collect();
    let id = {
        let mut stdin = server.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        stdin.1 += 1;
        let request = json!({
            "id": stdin.1, "script": root(script), "args": args,
            "stdout": stdout.path(), "stderr": stderr.path(),
        });
        writeln!(stdin.0, "{request}").expect("the server of Python scripts runs");
        stdin.1
    };
    let text = |file: &NamedTempFile| fs::read_to_string(file).expect("UTF-8 from a script");
    Ran {
        code: server.wait_for(id),
        stdout: text(&stdout),
        stderr: text(&stderr),
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<&Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut python = Command::new(root(".venv/bin/python"))
            .arg(root("crates/testing/src/python_server.py"))
            // Else numpy's threads exist before the fork.
            .env("OPENBLAS_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/setup has made .venv");
        let (stdin, stdout) = (python.stdin.take().unwrap(), python.stdout.take().unwrap());
        let server: &Server = Box::leak(Box::new(Server {
            stdin: Mutex::new((stdin, 0)),
            ended: Mutex::new(Some(HashMap::new())),
            changed: Condvar::new(),
        }));
        thread::spawn(|| server.collect(stdout));
        server
    })
}

impl Server {
    /// Notes each script that ends.
    fn collect(&self, stdout: ChildStdout) {
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("the server answers in UTF-8");
            let (id, code) = line.split_once(' ').expect("an id and an exit code");
            let (id, code) = (id.parse().unwrap(), code.parse().unwrap());
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.as_mut().expect("it runs").insert(id, code);
            self.changed.notify_all();
        }
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed.notify_all();
    }

    fn wait_for(&self, id: u64) -> i32 {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let codes = ended.as_mut();
            let codes = codes.expect("the server of Python scripts has ended; it says why above");
            if let Some(code) = codes.remove(&id) {
                return code;
            }
            let waited = self.changed.wait(ended);
            ended = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}
