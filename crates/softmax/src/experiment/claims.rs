//! The results of the experiment: claims with their verdicts, figures and tables.

use std::fmt;

use crate::experiment::statistics::Verdict;

/// The source of a claim, and the kind of its evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A claim of the article that arithmetic decides: proven, and checked on this machine's
    /// numbers.
    Theorem,
    /// A claim of the article about networks and data: measured over seeds.
    Measurement,
    /// A claim of this project; its experiment says whether it is proven or measured.
    Addition,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Theorem, Self::Measurement, Self::Addition];

    /// The heading of the claims of this kind.
    pub fn title(self) -> &'static str {
        match self {
            Self::Theorem => "The article's claims that arithmetic decides",
            Self::Measurement => "The article's claims that only data decide",
            Self::Addition => "Beyond the article",
        }
    }
}

/// A tested claim.
#[derive(Debug)]
pub struct Claim {
    /// Its name, used by links from the guide and the report.
    pub id: &'static str,
    pub kind: Kind,
    /// The article's sentence or, for an addition, the project's own.
    pub sentence: &'static str,
    /// The experiment, in a sentence.
    pub experiment: String,
    /// The finding, in a sentence with its number.
    pub finding: String,
    pub verdict: Verdict,
    /// The rule by which the verdict follows from the finding.
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

/// A figure with one or more plots.
#[derive(Debug)]
pub struct Figure {
    /// Its anchor in the report, and the name of its files.
    pub id: &'static str,
    /// A description, in a sentence or two.
    pub caption: String,
    pub layout: Layout,
    /// The plots, each an `<svg>` with its text alternative.
    pub plots: Vec<String>,
}

/// The arrangement of a figure's plots, where there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All of the same width.
    Even,
    /// In rows of three: a picture, then two plots.
    Pictures,
}

/// Numbers in rows, with a name in the first column.
#[derive(Debug)]
pub struct Table {
    pub caption: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Claims about one question.
#[derive(Debug)]
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    /// A description of the experiment.
    pub about: String,
    /// The panel of the playground about this question, and its title there.
    pub panel: Option<(&'static str, &'static str)>,
    pub claims: Vec<Claim>,
    pub figures: Vec<Figure>,
    pub tables: Vec<Table>,
}
