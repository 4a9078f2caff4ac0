// Which last layer? Predict, then reveal.

for (const question of document.querySelectorAll("[data-answer]")) {
  question.addEventListener("change", (event) => {
    const right = event.target.value === question.dataset.answer;
    question.querySelector("[role=status]").textContent = right ? "Yes." : "Not this one: see why.";
    question.querySelector(".reveal").hidden = false;
  });
}

// For tests, and for who is curious.
globalThis.playground = { forward, softmax, LOSSES, draw, drag };
