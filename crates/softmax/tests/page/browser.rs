//! The page in a browser, compared with Rust.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use final_layer::data::{Samples, digit, mnist};
use final_layer::evaluation::outputs;
use final_layer::networks::DigitClassifier;
use final_layer::tasks::Model;
use final_layer::torch::serialization::load_state_dict;
use serde_json::{Value, json};
use tch::{Device, Kind, Reduction, Tensor};

use super::PAGE;
use super::quoted::accuracy_in_the_readme;
use testing::{lock_generator, python, refusal, root, run};

fn check_playground(page: &Path) -> Command {
    let mut command = python("scripts/checks/playground.py");
    command.arg(page);
    command
}

#[test]
fn the_check_of_the_page_reports_that_it_is_skipped() {
    let output = run(check_playground(&root("README.md")).env("PATH", "/no/such/folder"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(77), "{stderr}");
    assert_eq!(stderr, "skipped: there is no Chromium on the PATH\n");
    let line = refusal(&mut check_playground(Path::new("/no/such/page.html")));
    assert!(line.contains("cannot read /no/such/page.html"), "{line}");
}

/// Rust's answers for pictures, and its losses with their gradients, to compare the page with.
fn answers(samples: &Samples) -> Value {
    let model = Model::<DigitClassifier>::new(Device::Cpu);
    load_state_dict(&model.vs, &root("data/playground/digits.safetensors")).unwrap();
    let logits = outputs(&model, &samples.features, 1024);
    let pixels = Vec::<u8>::try_from(samples.features.reshape([-1])).unwrap();
    json!({
        "pixels": STANDARD.encode(pixels),
        "logits": Vec::<Vec<f32>>::try_from(&logits).unwrap(),
        "recipe": recipe(samples),
        "losses": losses(&logits.narrow(0, 0, 50)),
    })
}

/// Pictures of digits on paper, dark and light, with light that falls off, and the 784 pixels that
/// Rust makes of each.
fn recipe(samples: &Samples) -> Vec<Value> {
    let digits = Vec::<u8>::try_from(samples.features.narrow(0, 0, 20).reshape([-1])).unwrap();
    let case = |(n, digit): (usize, &[u8])| {
        let (width, height, zoom) = (90 + 31 * n, 120 + 17 * n, 2 + n / 3);
        let light = |x: usize, y: usize| 200. - (x + 2 * y) as f64 * 60. / (width + height) as f64;
        let ink =
            |x: usize, y: usize| match ((x.wrapping_sub(9)) / zoom, (y.wrapping_sub(15)) / zoom) {
                (column, row) if column < 28 && row < 28 => {
                    f64::from(digit[28 * row + column]) / 255.
                }
                _ => 0.,
            };
        let sign = if n % 2 == 0 { -0.7 } else { 0.25 };
        let places = (0..width * height).map(|i| (i % width, i / width));
        let grey: Vec<u8> = places
            .map(|(x, y)| (light(x, y) * (1. + sign * ink(x, y))) as u8)
            .collect();
        let (pixels, doubts) = digit::as_digit(&grey, width, height, None);
        json!({
            "grey": STANDARD.encode(&grey), "width": width, "height": height,
            "pixels": pixels, "doubts": doubts.len(),
        })
    };
    digits.chunks(784).enumerate().map(case).collect()
}

/// The four losses of the page, in its order, with autograd's gradients.
fn losses(logits: &Tensor) -> Vec<Value> {
    type Loss = fn(&Tensor, &Tensor) -> Tensor;
    let losses: [Loss; 4] = [
        |z, c| z.cross_entropy_for_logits(c),
        |z, c| z.softmax(1, Kind::Float).cross_entropy_for_logits(c),
        |z, c| squared_error(&z.softmax(1, Kind::Float), c),
        squared_error,
    ];
    let case = |loss: usize, row: i64| {
        let z = logits.narrow(0, row, 1).set_requires_grad(true);
        let value = losses[loss](&z, &Tensor::from_slice(&[row % 10]));
        value.backward();
        let numbers = |tensor: &Tensor| Vec::<f32>::try_from(tensor.detach().view([-1])).unwrap();
        json!({
            "loss": loss, "target": row % 10, "value": value.double_value(&[]),
            "logits": numbers(&z), "gradient": numbers(&z.grad()),
        })
    };
    let rows = 0..logits.size()[0];
    rows.flat_map(|row| (0..4).map(move |loss| (loss, row)))
        .map(|(loss, row)| case(loss, row))
        .collect()
}

fn squared_error(values: &Tensor, target: &Tensor) -> Tensor {
    let one_hot = target.one_hot(10).to_kind(Kind::Float);
    values.mse_loss(&one_hot, Reduction::Mean)
}

/// Checks the page with these pictures; returns the output.
fn check_against(samples: &Samples) -> String {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    fs::write(&page, &*PAGE).unwrap();
    let file = folder.path().join("answers.json");
    let answers = {
        let _generator = lock_generator();
        answers(samples)
    };
    fs::write(&file, answers.to_string()).unwrap();
    let output = run(check_playground(&page).arg("--answers").arg(&file));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let well = "desktop, light: well\ndesktop, dark: well\nphone, light: well\nphone, dark: well\n";
    let compared = text.strip_prefix(well).unwrap_or_else(|| panic!("{text}"));
    let pictures = format!("{} digits: logits within ", samples.len());
    assert!(compared.starts_with(&pictures), "{text}");
    assert!(
        compared.contains(", 0 other answers\n20 pictures: 0 of 15680 pixels differ\n200 losses: "),
        "{text}"
    );

    // A wrong answer is detected.
    let mut other = answers;
    let logit = other["logits"][0][0].as_f64().unwrap();
    other["logits"][0][0] = json!(logit + 2e-4);
    fs::write(&file, other.to_string()).unwrap();
    let output = run(check_playground(&page).arg("--answers").arg(&file));
    assert_eq!(output.status.code(), Some(1));
    text
}

#[test]
#[ignore = "needs Chromium and axe-core: cargo test -- --ignored check_of_the_playground"]
fn check_of_the_playground_on_sample_digits() {
    let digits = mnist::read(&root("data/sample/digits")).unwrap();
    println!("{}", check_against(&digits.test));
}

#[test]
#[ignore = "needs Chromium, axe-core and real digits: \
            FINAL_LAYER_DATA=<folder with mnist/> cargo test -- --ignored the_page_agrees_on_mnist"]
fn the_page_agrees_on_mnist() {
    let data = std::env::var_os("FINAL_LAYER_DATA").expect("FINAL_LAYER_DATA is not set");
    let digits = mnist::read(&Path::new(&data).join("mnist")).unwrap().test;
    assert_eq!(digits.len(), 2000);
    let model = Model::<DigitClassifier>::new(Device::Cpu);
    load_state_dict(&model.vs, &root("data/playground/digits.safetensors")).unwrap();
    let logits = outputs(&model, &digits.features, 1024);
    let right = logits.argmax(1, false).eq_tensor(&digits.targets);
    let share = 100. * right.mean(Kind::Double).double_value(&[]);
    // Another processor may decide differently if two logits are a few roundings apart.
    let two = logits.topk(2, 1, true, true).0;
    let close = (two.select(1, 0) - two.select(1, 1)).lt(1e-4);
    let close = 100. * close.mean(Kind::Double).double_value(&[]);
    let told = accuracy_in_the_readme();
    assert!((share - told).abs() < close + 1e-9, "{share}, not {told}");
    println!("{}", check_against(&digits));
}

/// The check finds each injected fault.
#[test]
#[ignore = "needs Chromium and axe-core: cargo test -- --ignored check_of_the_playground"]
fn check_of_the_playground_finds_faults() {
    // The text that is replaced, its replacement, and the expected report.
    const FAULTS: [(&str, &str, &str); 7] = [
        ("x - rate() * slope", "x + rate() * slope", ""),
        ("x - rate() * gradient", "x + rate() * gradient", "loss 0: "),
        ("track.setPointerCapture", "isFinite", "drag: dragged to "),
        (
            " class=\"reveal\" hidden",
            " class=\"reveal\"",
            "revealed before",
        ),
        (".hint {", ".hint { color: #777;", "axe: color-contrast"),
        (
            "<label for=\"race-rate\">Learning rate</label>",
            "",
            "select-name",
        ),
        (
            "</main>",
            "<p style=\"width: 3000px\">Wide</p><img src=\"none.png\" alt=\"\"></main>",
            "the page is 3",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let mut page = PAGE.clone();
    for (right, wrong, _) in FAULTS {
        assert!(page.contains(right), "{right}");
        page = page.replace(right, wrong);
    }
    page = page.replace(
        "</script>\n</body>",
        "console.error(\"a message\");</script>\n</body>",
    );
    fs::write(&path, page).unwrap();
    let output = run(&mut check_playground(&path));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
    for line in text.lines() {
        let told = FAULTS.iter().map(|(_, _, told)| *told);
        for told in told.chain(["a message", "none.png"]) {
            assert!(line.contains(told), "{told}: {line}");
        }
    }
}
