//! `playground`: the page, and its check in a browser.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use tch::{Kind, Reduction, Tensor};

use testing::{example, refusal, root, stdout};

mod browser;
mod quoted;

/// The page written by the example.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let printed = stdout(example("playground").arg("--output").arg(&path));
    assert_eq!(printed, format!("{}\n", path.display()));
    fs::read_to_string(path).unwrap()
});

/// The most bytes of the page, so that a phone can load it.
const MOST_BYTES: usize = 700_000;

const PANELS: [&str; 5] = ["draw", "drag", "loss", "race", "which"];

#[test]
fn the_page_is_self_contained() {
    assert!(PAGE.starts_with("<!DOCTYPE html>"));
    assert!(PAGE.len() < MOST_BYTES, "{} bytes", PAGE.len());
    // The name of the SVG namespace is not a requested address.
    let page = PAGE.replace("\"http://www.w3.org/2000/svg\"", "");
    let outside = [
        "http:", "https:", "src=", "@import", "url(", "import(", "fetch(", "{{/", "{{%",
    ];
    for reference in outside {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
}

/// The page that opens without a toolchain.
#[test]
fn the_kept_page_is_current() {
    let kept = fs::read_to_string(root("docs/playground.html")).unwrap();
    assert!(
        kept == *PAGE,
        "docs/playground.html is stale: \
         cargo run --example playground -- --output docs/playground.html"
    );
}

#[test]
fn each_panel_asks_answers_and_measures() {
    for panel in PANELS {
        let start = format!("<section id=\"{panel}\"");
        let (_, rest) = PAGE.split_once(&start).expect(&start);
        let (section, _) = rest.split_once("</section>").unwrap();
        let parts = [
            "class=\"question\"",
            "class=\"takeaway\"",
            "<h3>What the article says</h3>",
            "<h3>What was measured</h3>",
        ];
        let places = parts.map(|part| section.find(part).unwrap_or_else(|| panic!("{part}")));
        assert!(places.is_sorted(), "{panel}: {places:?}");
    }
}

/// Checks that the page shows this expression, which is compiled here.
macro_rules! shown {
    ($line:expr) => {{
        let squeezed = |text: &str| {
            text.split_whitespace()
                .collect::<String>()
                .replace(",)", ")")
        };
        let line = squeezed(stringify!($line));
        assert!(squeezed(&page_text()).contains(&line), "{line}");
        drop($line);
    }};
}

fn page_text() -> String {
    PAGE.replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
}

#[test]
fn lines_of_tch_compile() {
    let z = Tensor::from_slice(&[0.5f32, -1.]).view([1, 2]);
    let target = Tensor::from_slice(&[0i64]);
    shown!(z.cross_entropy_for_logits(&target));
    shown!(z.softmax(1, Kind::Float));
    let target = Tensor::from_slice(&[1f32, 0.]).view([1, 2]);
    shown!(z.binary_cross_entropy_with_logits::<Tensor>(&target, None, None, Reduction::Mean));
    shown!(z.sigmoid());
    shown!(z.mse_loss(&target, Reduction::Mean));
}

#[test]
fn refuses_other_weights() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("page.html");
    let weights = root("data/sample/houses.csv");
    let with = |weights: &Path| {
        let mut command = example("playground");
        command
            .arg("--output")
            .arg(&output)
            .arg("--weights")
            .arg(weights);
        command
    };
    let line = refusal(&mut with(&weights));
    assert!(line.contains("houses.csv"), "{line}");
    let line = refusal(&mut with(Path::new("/no/such/weights.safetensors")));
    assert!(line.contains("/no/such/weights.safetensors"), "{line}");
    assert!(!output.exists());
}
