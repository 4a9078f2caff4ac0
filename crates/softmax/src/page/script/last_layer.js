// Which last layer? Predict, then reveal.

for (const question of document.querySelectorAll("[data-answer]")) {
  question.addEventListener("change", (event) => {
    const answers = question.dataset.answer.split(" ");
    const place = answers.indexOf(event.target.value);
    const told = place < 0 ? "Not this one: see why." : "Yes.";
    const status = question.querySelector("[role=status]");
    status.textContent = place < 1 ? told : `Yes, as well. ${question.dataset.usual}`;
    question.querySelector(".reveal").hidden = false;
  });
}

// For tests, and for who is curious.
globalThis.playground = { forward, softmax, LOSSES, asDigit, draw, drag };
