//! `predict -` answers line by line, as the lines arrive, in constant memory.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use testing::files::{HOUSE, HOUSE_COLUMNS, encode};
use testing::{example, run, stdout};

/// The weights of a network after one epoch, in a temporary folder.
fn trained(network: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("w.safetensors");
    let mut train = example(network);
    train.args(["train", "--epochs=1", "--threads=1", "--output"]);
    stdout(train.arg(output));
    folder
}

fn predict(network: &str, folder: &Path, args: &[&str]) -> Command {
    let mut predict = example(network);
    predict.current_dir(folder).args(["predict", "--threads=1"]);
    predict.args(["--weights", "w.safetensors"]).args(args);
    predict
}

/// The result of a run with this stdin: exit code, stdout and stderr.
fn with_stdin(mut command: Command, text: &[u8]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stdin");
    fs::write(&file, text).unwrap();
    let output = run(command.stdin(fs::File::open(file).unwrap()));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A run whose stdin and stdout are pipes.
struct Conversation {
    child: Child,
    stdin: ChildStdin,
    answers: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Conversation {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            stdin,
            answers,
        }
    }

    fn say(&mut self, text: &str) {
        self.stdin.write_all(text.as_bytes()).unwrap();
    }

    fn answer(&mut self) -> String {
        self.answers.next().unwrap().unwrap()
    }

    fn end(mut self) {
        drop(self.stdin);
        assert!(self.answers.next().is_none());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn answers_come_before_stdin_ends() {
    let folder = trained("house_price_predictor");
    fs::write(
        folder.path().join("x.csv"),
        format!("{HOUSE_COLUMNS}\n{HOUSE}\n"),
    )
    .unwrap();
    let file = stdout(&mut predict(
        "house_price_predictor",
        folder.path(),
        &["x.csv"],
    ));
    let price = file.trim().strip_prefix("x.csv:2: ").unwrap();

    let mut houses = Conversation::start(predict("house_price_predictor", folder.path(), &["-"]));
    houses.say(&format!("\u{feff}{HOUSE_COLUMNS}\r\n{HOUSE}\r\n"));
    assert_eq!(houses.answer(), format!("-:2: {price}"));
    let (start, end) = HOUSE.split_at(7);
    houses.say(&format!("\r\n{}\r\n{start}", HOUSE.replace("1656", "NA")));
    houses.say(&format!("{end}\n"));
    assert_eq!(houses.answer(), format!("-:5: {price}"));
    houses.end();

    let folder = trained("digit_classifier");
    for (name, grey) in [("a b.png", 0), ("c.png", 255)] {
        let picture = image::GrayImage::from_pixel(28, 28, image::Luma([grey]));
        let picture = encode(picture, image::ImageFormat::Png);
        fs::write(folder.path().join(name), picture).unwrap();
    }
    // One by one, as a picture's last bits may depend on the others in a batch.
    let files = ["a b.png", "c.png"]
        .map(|name| stdout(&mut predict("digit_classifier", folder.path(), &[name])));
    let mut pictures = Conversation::start(predict("digit_classifier", folder.path(), &["-"]));
    for (name, expected) in ["a b.png\n", "\n", "c.png\r\n"].iter().zip([0, 2, 1]) {
        pictures.say(name);
        if expected < 2 {
            assert_eq!(pictures.answer(), files[expected].trim_end());
        }
    }
    pictures.end();
}

#[test]
fn a_bad_line_ends_the_run_after_the_answers_so_far() {
    let folder = trained("house_price_predictor");
    let houses = |args: &[&str], text: String| {
        let command = predict("house_price_predictor", folder.path(), args);
        with_stdin(command, text.as_bytes())
    };
    let bad = HOUSE.replace("1656", "big");
    let rows = format!("{HOUSE_COLUMNS}\n{HOUSE}\n\n{bad}\n{HOUSE}\n");
    let (code, out, err) = houses(&["-", "--json"], rows);
    assert_eq!(code, Some(1));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["input"], "-:2");
    let message = "error: -:4: Gr Liv Area: expected a finite number, found \"big\"\n";
    assert_eq!(err, message);

    let missing = HOUSE.replace("1656", "");
    let (code, out, err) = houses(&["-"], format!("{HOUSE_COLUMNS}\n{missing}\n{HOUSE}\n"));
    assert_eq!((code, out.lines().count()), (Some(0), 1));
    assert_eq!(err, "note: 1 of 2 rows lacks a value and is left out\n");
    let (code, out, err) = houses(&["-"], "a,b\n1,2\n".to_owned());
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.starts_with("error: -: the column Overall Qual is missing; "),
        "{err}"
    );
    let (code, _, err) = houses(&["-", "x.csv"], String::new());
    assert_eq!(code, Some(2), "{err}");

    let folder = trained("digit_classifier");
    let picture = encode(image::GrayImage::new(28, 28), image::ImageFormat::Png);
    fs::write(folder.path().join("a.png"), picture).unwrap();
    let command = predict("digit_classifier", folder.path(), &["-"]);
    let (code, out, err) = with_stdin(command, b"a.png\nno\x1b[2J.png\na.png\n");
    assert_eq!((code, out.lines().count()), (Some(1), 1));
    let name = r"no\u{1b}[2J.png";
    let missing = "No such file or directory (os error 2)";
    assert_eq!(err, format!("error: -:2: cannot read {name}: {missing}\n"));
}

/// The peak memory of a process so far, in KiB.
#[cfg(target_os = "linux")]
fn peak(child: &Child) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn many_rows_take_no_more_memory_than_few() {
    const FEW: usize = 1_000;
    const MANY: usize = 200_000;
    let folder = trained("house_price_predictor");
    let command = predict("house_price_predictor", folder.path(), &["-"]);
    let Conversation {
        mut child,
        mut stdin,
        mut answers,
    } = Conversation::start(command);
    let writer = thread::spawn(move || {
        writeln!(stdin, "{HOUSE_COLUMNS}").unwrap();
        let rows = format!("{HOUSE}\n").repeat(FEW);
        (0..MANY / FEW).for_each(|_| stdin.write_all(rows.as_bytes()).unwrap());
        stdin
    });
    assert_eq!(answers.by_ref().take(FEW).count(), FEW);
    let few = peak(&child);
    assert_eq!(answers.by_ref().take(MANY - FEW).count(), MANY - FEW);
    let many = peak(&child);
    println!("peak after {FEW} rows {few} KiB, after {MANY} rows {many} KiB");
    drop(writer.join().unwrap());
    assert!(answers.next().is_none());
    assert!(child.wait().unwrap().success());
    assert!(many < few + 4096, "{few} KiB became {many} KiB");
}
