//! What the experiment finds: claims with their verdicts, figures, tables.

use std::fmt;

use crate::experiment::statistics::Verdict;

/// What stands behind a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The document's, and a matter of arithmetic: proven, and checked on this machine's numbers.
    Theorem,
    /// The document's, and a matter of networks and data: measured over seeds.
    Measurement,
    /// Not the document's; whether it is proven or measured is said in its experiment.
    Addition,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Theorem, Self::Measurement, Self::Addition];

    /// What it is called above the claims of its kind.
    pub fn title(self) -> &'static str {
        match self {
            Self::Theorem => "The document's claims that arithmetic decides",
            Self::Measurement => "The document's claims that only data decide",
            Self::Addition => "Beyond the document",
        }
    }
}

/// A claim put to the test.
#[derive(Debug)]
pub struct Claim {
    /// Its name, by which the guide and the report's links call it.
    pub id: &'static str,
    pub kind: Kind,
    /// The document's sentence; of an addition, the project's own.
    pub sentence: &'static str,
    /// What was done, in a sentence.
    pub experiment: String,
    /// What was found, in a sentence with its number.
    pub finding: String,
    pub verdict: Verdict,
    /// How the verdict follows from the finding.
    pub rule: &'static str,
}

/// A line for the terminal.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            finding,
            verdict,
            ..
        } = self;
        write!(f, "{id:<20} | {verdict:<13} | {finding}")
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
    /// The panel of the playground that lets one try it, and what it is called there.
    pub panel: Option<(&'static str, &'static str)>,
    pub claims: Vec<Claim>,
    pub figures: Vec<Figure>,
    pub tables: Vec<Table>,
}
