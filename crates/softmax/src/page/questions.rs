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
    /// The values of the right choices, the usual one first.
    answers: &'static [&'static str],
    /// The reason for the usual one, if there are several.
    usual: &'static str,
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
        asked: "How probable is each of ten digits, if exactly one is shown?",
        answers: &["softmax"],
        usual: "",
        why: "Exactly one of ten is true, so the ten probabilities have to share 100\u{a0}%. \
              While training, nothing follows the last layer, for the loss has softmax inside. To \
              name the class alone, nothing is needed: the largest logit is that of the largest \
              probability.",
        tch: "let loss = z.cross_entropy_for_logits(&target);
let p = z.softmax(1, Kind::Float);",
        python: "loss = F.cross_entropy(z, target)
p = F.softmax(z, dim=1)",
    },
    Question {
        name: "yes",
        asked: "How probable is it that this X-ray shows pneumonia, yes or no?",
        answers: &["sigmoid", "softmax"],
        usual: "One sigmoid is usual: softmax over two outputs is the same function of the \
                difference of its logits, with more weights to learn.",
        why: "One logit is enough: sigmoid(z) is what softmax makes of the two logits 0 and z. A \
              second output has more weights to learn and nothing more to say.",
        tch: SIGMOID_TCH,
        python: SIGMOID_PYTHON,
    },
    Question {
        name: "labels",
        asked: "How probable are a dog, a ball and a tree in this photograph, of which any number may be \
                there?",
        answers: &["sigmoids"],
        usual: "",
        why: "A dog makes a ball no less probable. Softmax would have them compete for \
              100\u{a0}%; a sigmoid for each answers as many questions of yes or no.",
        tch: SIGMOID_TCH,
        python: SIGMOID_PYTHON,
    },
    Question {
        name: "price",
        asked: "What will this house sell for?",
        answers: &["nothing"],
        usual: "",
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
            fieldset data-answer=(question.answers.join(" ")) data-usual=(question.usual) {
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
