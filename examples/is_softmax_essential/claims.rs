//! What the experiment finds: claims with their verdicts, figures, tables.

use std::fmt;

/// Whether a claim holds, by its rule and the numbers measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    InPart,
    DoesNotHold,
    /// The data leave nothing to measure.
    NotMeasured,
}

impl Verdict {
    /// Holds if `holds`, else in part if `in_part`.
    pub fn of(holds: bool, in_part: bool) -> Self {
        match (holds, in_part) {
            (true, _) => Self::Holds,
            (false, true) => Self::InPart,
            (false, false) => Self::DoesNotHold,
        }
    }

    /// Holds or does not.
    pub fn if_so(holds: bool) -> Self {
        Self::of(holds, false)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::InPart => "holds in part",
            Self::DoesNotHold => "does not hold",
            Self::NotMeasured => "not measured",
        })
    }
}

/// A claim, in the document's sense, put to the test.
#[derive(Debug)]
pub struct Claim {
    /// Its anchor in the report.
    pub id: &'static str,
    /// The claim in a few words.
    pub text: &'static str,
    /// What was measured.
    pub measured: String,
    pub verdict: Verdict,
    /// How the verdict follows from what was measured.
    pub rule: &'static str,
}

/// Columns of 37 and 44 characters: a line fits into 100.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            text,
            measured,
            verdict,
            ..
        } = self;
        write!(f, "{text:<37} | {measured:<44} | {verdict}")
    }
}

/// A figure of one plot or of several.
#[derive(Debug)]
pub struct Figure {
    /// Its anchor in the report, and the name of its files.
    pub id: &'static str,
    /// What it shows, in a sentence or two.
    pub caption: String,
    pub layout: Layout,
    /// Each an `<svg>` with its text alternative.
    pub plots: Vec<String>,
}

/// How the plots of a figure lie beside each other, where there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All of one width.
    Even,
    /// In rows of three: a picture, then two plots.
    Pictures,
}

/// Numbers in rows, the first column a name.
#[derive(Debug)]
pub struct Table {
    pub caption: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Claims that are about one question.
#[derive(Debug)]
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    /// What was done.
    pub about: String,
    pub claims: Vec<Claim>,
    pub figures: Vec<Figure>,
    pub tables: Vec<Table>,
}
