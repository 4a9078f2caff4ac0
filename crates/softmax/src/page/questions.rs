//! The questions of the last panel: the right last layer, and its code in both languages.

use maud::html;

/// The choices: the value in the form, and the label.
const CHOICES: [(&str, &str); 4] = [
    ("nothing", "nothing"),
    ("sigmoid", "one sigmoid"),
    ("sigmoids", "a sigmoid for each"),
    ("softmax", "softmax"),
];

struct Question {
    /// The suffix of its name in the form.
    name: &'static str,
    asked: &'static str,
    /// The value of the right choice.
    answer: &'static str,
    why: &'static str,
    tch: &'static str,
    python: &'static str,
}

const SIGMOID_TCH: &str = "let loss = z
    .binary_cross_entropy_with_logits::<Tensor>(
        &target, None, None, Reduction::Mean);
let p = z.sigmoid();";
const SIGMOID_PYTHON: &str = "loss = F.binary_cross_entropy_with_logits(z, target)
p = torch.sigmoid(z)";

const QUESTIONS: [Question; 4] = [
    Question {
        name: "which",
        asked: "Which of ten digits is this?",
        answer: "softmax",
        why: "Exactly one of ten is true, so the ten probabilities have to share 100\u{a0}%. \
              While training, nothing follows the last layer, for the loss has softmax inside; to \
              name the class alone, the largest logit will do.",
        tch: "let loss = z.cross_entropy_for_logits(&target);
let p = z.softmax(1, Kind::Float);",
        python: "loss = F.cross_entropy(z, target)
p = F.softmax(z, dim=1)",
    },
    Question {
        name: "yes",
        asked: "Does this X-ray show pneumonia, yes or no?",
        answer: "sigmoid",
        why: "One logit is enough: sigmoid(z) is what softmax makes of the two logits 0 and z. A \
              second output has more weights to learn and nothing more to say.",
        tch: SIGMOID_TCH,
        python: SIGMOID_PYTHON,
    },
    Question {
        name: "labels",
        asked: "What is in this photograph: a dog, a ball, a tree, any number of them?",
        answer: "sigmoids",
        why: "A dog makes a ball no less probable. Softmax would have them compete for \
              100\u{a0}%; a sigmoid for each answers as many questions of yes or no.",
        tch: SIGMOID_TCH,
        python: SIGMOID_PYTHON,
    },
    Question {
        name: "price",
        asked: "What will this house sell for?",
        answer: "nothing",
        why: "A price is a number, not a class: the output is the answer. Softmax of one single \
              number is 1, whatever the house, and its gradient is 0.",
        tch: "let loss = z.mse_loss(&target, Reduction::Mean);
let price = z;",
        python: "loss = F.mse_loss(z, target)
price = z",
    },
];

/// The questions, each with its choices and the explanation that is shown after a choice.
pub fn questions() -> String {
    let page = html! {
        @for question in &QUESTIONS {
            fieldset data-answer=(question.answer) {
                legend { (question.asked) }
                div.options {
                    @for (value, called) in CHOICES {
                        label {
                            input type="radio" name={ "answer-" (question.name) } value=(value);
                            " " (called)
                        }
                    }
                }
                p.verdict role="status" {}
                div.reveal hidden {
                    p { (question.why) }
                    @for (language, lines) in [("tch", question.tch), ("Python", question.python)] {
                        p.lang { (language) }
                        pre tabindex="0" { code { (lines) } }
                    }
                }
            }
        }
    };
    page.into_string()
}
