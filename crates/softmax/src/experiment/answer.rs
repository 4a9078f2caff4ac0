//! The answer in five lines, composed of verdicts and findings.

use crate::experiment::claims::{Claim, Section};
use crate::experiment::statistics::Verdict;

/// One question of the answer, the claims that decide it, and the text for each verdict.
struct Line {
    question: &'static str,
    /// The claim that supplies the verdict and the finding.
    by: &'static str,
    holds: &'static str,
    does_not: &'static str,
    undecided: &'static str,
}

const LINES: [Line; 5] = [
    Line {
        question: "To name the class",
        by: "argmax",
        holds: "softmax is needed.",
        does_not: "softmax is not needed: that it keeps the order is a theorem.",
        undecided: "it is undecided whether softmax is needed.",
    },
    Line {
        question: "To say how sure an answer is",
        by: "softmax-omitted",
        holds: "softmax, or what amounts to it, is needed.",
        does_not: "softmax can be left out.",
        undecided: "it is undecided whether softmax can be left out.",
    },
    Line {
        question: "To train",
        by: "ten-sigmoids",
        holds: "softmax, inside the loss, is what works.",
        does_not: "softmax belongs in the loss, and is one good way of several.",
        undecided: "it is undecided whether softmax is better than sigmoids.",
    },
    Line {
        question: "For yes or no",
        by: "one-output",
        holds: "one sigmoid does as well.",
        does_not: "one sigmoid does worse.",
        undecided: "it is undecided whether one sigmoid does as well.",
    },
    Line {
        question: "For a number",
        by: "softmax-over-prices",
        holds: "softmax does not serve.",
        does_not: "softmax over one output learns nothing, but over a scale of prices it serves.",
        undecided: "softmax over one output learns nothing; over a scale of prices it is undecided.",
    },
];

/// The five lines.
pub fn lines(sections: &[Section]) -> Vec<String> {
    let claims: Vec<&Claim> = sections.iter().flat_map(|part| &part.claims).collect();
    let line = |line: &Line| {
        let claim = claims.iter().find(|claim| claim.id == line.by)?;
        let said = match claim.verdict {
            Verdict::Holds => line.holds,
            Verdict::DoesNotHold => line.does_not,
            Verdict::InPart | Verdict::Undecided | Verdict::NotMeasured => line.undecided,
        };
        Some(format!("{}, {said} {}", line.question, claim.finding))
    };
    LINES.iter().filter_map(line).collect()
}
