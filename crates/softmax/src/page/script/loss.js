// Choose a loss: where its gradient pushes the logits, and whether that corrects a confident mistake.

const STEPS = 20;

(() => {
  const LIMIT = 12;
  const MISTAKE = [0, 0, 0, 0, 0, 0, 0, 0, 10, 0];
  const bars = new Bars(byId("loss-bars"), "Logit, probability and gradient of each digit", [
    {
      name: "logit",
      head: "logit",
      drag: (i, value) => {
        z[i] = value;
        begin();
      },
    },
    { name: "gradient", head: "gradient", only: true },
    { name: "probability", head: "prob.", only: true },
  ]);
  let z = [...MISTAKE];
  let steps = 0;

  const loss = () => LOSSES[checked("loss")];
  const truth = () => Number(byId("loss-truth").value);
  const rate = () => 10 ** Number(byId("loss-rate").value);

  function next() {
    const gradient = loss().gradient(z, truth());
    return z.map((x, i) => x - rate() * gradient[i]);
  }

  function step() {
    z = next();
    steps += 1;
  }

  function begin() {
    steps = 0;
    update();
  }

  function update() {
    const [c, p] = [truth(), softmax(z)];
    const gradient = loss().gradient(z, c);
    const norm = Math.hypot(...gradient);
    // As wide as its numbers need.
    const sizes = z.map(Math.abs).filter(Number.isFinite);
    const limit = Math.max(LIMIT, ...sizes);
    bars.set("logit", z, (x) => (Math.abs(x) < 1e4 ? showLogit(x) : power(x).replace("-", "−")), limit);
    bars.arrows("logit", z, next(), limit);
    bars.set("probability", p, percent);
    bars.set("gradient", gradient, (x) => show(x, 3));
    bars.mark(argmax(z), c);
    byId("loss-code").textContent = loss().python;
    byId("loss-rate-value").textContent = show(rate(), rate() < 1 ? 2 : 1);
    byId("loss-state").textContent =
      `After ${steps} step${steps === 1 ? "" : "s"}: the loss is ` +
      `${show(loss().value(z, c), 3)}, the gradient is ${show(norm, 3)} long, ` +
      `and ${c} has ${percent(p[c])}.`;
    byId("loss-verdict").textContent = verdict(c, p);
  }

  function verdict(c, p) {
    const largest = argmax(z);
    if (largest === c) return `The network now answers ${c}: right.`;
    return steps < STEPS
      ? `The network answers ${largest}, with ${percent(p[largest])}: wrong.`
      : `${steps} steps later it still answers ${largest}, with ${percent(p[largest])}: wrong.`;
  }

  /** Whether the answer was right before the first step and after each, in words. */
  function outcome(right) {
    const last = right.length - 1;
    // The step from which on it stays right.
    const since = right.lastIndexOf(false) + 1;
    if (since === 0) return "was never wrong";
    if (since <= last) return `after ${since} step${since === 1 ? "" : "s"}`;
    const once = right.indexOf(true);
    if (right[0]) return "was right, is wrong at the end";
    return once > 0 ? `after ${once}, but wrong at the end` : "not corrected";
  }

  /** Twenty steps from the mistake by each loss, at this learning rate. */
  function compare() {
    const rows = LOSSES.map(({ name, gradient }) => {
      let values = [...MISTAKE];
      const right = [argmax(values) === truth()];
      for (let i = 1; i <= STEPS; i++) {
        const slope = gradient(values, truth());
        values = values.map((x, k) => x - rate() * slope[k]);
        right.push(values.every(Number.isFinite) && argmax(values) === truth());
      }
      const end = percent(softmax(values)[truth()]);
      const cell = outcome(right);
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, name),
        make("td", {}, cell),
        make("td", {}, end),
      );
    });
    byId("loss-results").replaceChildren(...rows);
  }

  function reset() {
    z = [...MISTAKE];
    begin();
  }

  byId("loss-truth").addEventListener("change", () => {
    begin();
    compare();
  });
  byId("loss-rate").addEventListener("input", () => {
    update();
    compare();
  });
  for (const radio of document.querySelectorAll('input[name="loss"]'))
    radio.addEventListener("change", begin);
  byId("loss-step").addEventListener("click", () => {
    step();
    update();
  });
  byId("loss-twenty").addEventListener("click", () => {
    reset();
    for (let i = 0; i < STEPS; i++) step();
    update();
  });
  byId("loss-reset").addEventListener("click", reset);
  reset();
  compare();
})();
