//! The page's statements about measurements made elsewhere.

use std::fs;

use serde_json::Value;
use tch::{Kind, Tensor};

use super::PAGE;
use testing::root;

/// The race panel's statements about the kept curves.
#[test]
fn the_page_describes_the_curves_correctly() {
    for file in ["docs/race.json", "docs/race-mnist.json"] {
        let race = fs::read_to_string(root(file)).unwrap();
        curves_are_as_told(&serde_json::from_str(&race).unwrap());
    }
}

fn curves_are_as_told(race: &Value) {
    let last = race["epochs"].as_u64().unwrap() as usize - 1;
    for optimizer in ["Adam", "SGD"] {
        let at = |loss: &str, epoch: usize| {
            let curves = race["curves"].as_array().unwrap().iter();
            let mut best = curves.filter(|curve| {
                curve["optimizer"] == optimizer && curve["loss"] == loss && curve["best"] == true
            });
            best.next().unwrap()["mean"][epoch].as_f64().unwrap()
        };
        let twice = "cross-entropy on softmax";
        let names = race["losses"].as_array().unwrap().iter();
        let others: Vec<&str> = names
            .map(|name| name.as_str().unwrap())
            .filter(|&name| name != twice)
            .collect();
        let lowest = |epoch| others.iter().map(|loss| at(loss, epoch)).fold(1., f64::min);
        let behind = |epoch| lowest(epoch) - at(twice, epoch);
        if optimizer == "Adam" {
            assert!(behind(0) > 0.02, "{}", behind(0));
            let stays = race["data"] != "mnist";
            assert_eq!(behind(last) > 0.03, stays, "{}", behind(last));
        }
        let ends = others.iter().map(|loss| at(loss, last));
        let spread = ends.clone().fold(0., f64::max) - ends.fold(1., f64::min);
        assert!(spread < 0.03, "{optimizer}: {spread}");
    }
}

/// The panels quote the findings of the two kept runs, and their conclusions agree with the
/// verdicts.
#[test]
fn quoted_findings_are_in_the_kept_output() {
    const SAMPLE: &str = "docs/is-softmax-essential.txt";
    const MNIST: &str = "docs/is-softmax-essential-mnist.txt";
    // These panels quote both runs; the others quote the sample's.
    const OF_BOTH: [&str; 2] = ["draw", "race"];
    // The panel about a loss contains only quotes.
    const QUOTED: [(&str, &[(&str, &str)]); 5] = [
        ("draw", &[("softmax-omitted", "holds")]),
        (
            "drag",
            &[
                ("argmax", "does not hold"),
                ("relative-probability", "does not hold"),
                ("confidence", "does not hold"),
                ("shift", "holds"),
            ],
        ),
        (
            "loss",
            &[
                ("double-softmax-stuck", "holds"),
                ("double-softmax-floor", "holds"),
            ],
        ),
        (
            "race",
            &[
                ("double-softmax", ""),
                ("squared-on-softmax", ""),
                ("squared-on-logits", ""),
                ("ten-sigmoids", ""),
            ],
        ),
        (
            "which",
            &[
                ("same-function", "holds"),
                ("one-output", "holds"),
                ("second-output", "does not hold"),
                ("softmax-of-one", "holds"),
                ("softmax-over-prices", "does not hold"),
                ("sigmoid-for-each", "holds"),
            ],
        ),
    ];
    // The page typesets minus signs and powers of ten.
    let plain = |text: &str| {
        let text = text.replace("·10<sup>−", "e-").replace("</sup>", "");
        text.replace('−', "-")
    };
    let page = plain(&PAGE);
    for (panel, claims) in QUOTED {
        let start = format!("<section id=\"{panel}\"");
        let (_, rest) = page.split_once(&start).unwrap();
        let (section, _) = rest.split_once("</section>").unwrap();
        let files: &[&str] = match OF_BOTH.contains(&panel) {
            true => &[SAMPLE, MNIST],
            false => &[SAMPLE],
        };
        for file in files {
            let kept = fs::read_to_string(root(file)).unwrap();
            for (id, verdict) in claims {
                let line = kept
                    .lines()
                    .find(|line| line.starts_with(&format!("{id} ")));
                let fields: Vec<&str> = line.expect(id).splitn(3, " | ").collect();
                let is_said = section.contains(&format!("<li>{}</li>", plain(fields[2])));
                assert!(is_said, "{panel}: {}", fields[2]);
                assert!(verdict.is_empty() || fields[1].trim() == *verdict, "{id}");
            }
        }
    }
}

/// The page's statements that are in neither kept output.
#[test]
fn the_other_statements_of_the_page_are_true() {
    let share = accuracy_in_the_readme();
    let said = format!("answers {share:.0}&nbsp;% of 2,000 others");
    assert!(PAGE.contains(&said), "{said}");
    let z = Tensor::from_slice(&[1000f32, 1001., 1002.]);
    let as_written = z.exp() / z.exp().sum(Kind::Float);
    assert!(bool::try_from(as_written.isnan().all()).unwrap());
    let p = Vec::<f32>::try_from(z.softmax(0, Kind::Float)).unwrap();
    let said = format!("softmax gives {:.4}, {:.4} and {:.4}.", p[0], p[1], p[2]);
    assert!(PAGE.contains(&said), "{said}");
}

/// The number of MNIST test digits out of 100 that the kept network answers correctly, according to
/// the README.
pub fn accuracy_in_the_readme() -> f64 {
    let readme = fs::read_to_string(root("data/playground/README.md")).unwrap();
    let (_, rest) = readme
        .split_once("After the last epoch it answers ")
        .unwrap();
    let (share, _) = rest.split_once(" % of the test digits correctly").unwrap();
    share.parse().unwrap()
}
