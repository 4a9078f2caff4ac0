// Drag: what the last layer makes of ten logits, and the laws that it obeys.

const drag = (() => {
  const START = [0.5, -2, 1, 3.2, -3, 1.5, -4, 0, 2.2, -1];
  const bars = new Bars(byId("drag-bars"), "Ten logits, which can be dragged, and what comes out", [
    {
      name: "logit",
      head: "logit: drag me",
      drag: (i, value) =>
        change("bar", () => {
          base[i] = value - shift();
        }),
    },
    { name: "output", head: "" },
  ]);
  const steps = new Bars(byId("drag-steps"), "Softmax step by step", [
    { name: "power", head: "eᶻ, float32", only: true },
    { name: "shifted", head: "eᶻ⁻ᵐ", only: true },
    { name: "share", head: "÷ Σ", only: true },
  ]);
  let base = [...START];
  let touched = "bar";

  const shift = () => Number(byId("drag-shift").value);
  const temperature = () => 10 ** Number(byId("drag-temperature").value);

  /** What the last layer says of z; each is a column. */
  const LAYERS = {
    softmax: { head: "softmax: probability", of: (z, t) => softmax(z, t), text: percent },
    naive: { head: "exp(z) / Σ exp(z), float32", of: naiveSoftmax, text: percent },
    sigmoids: {
      head: "ten sigmoids",
      of: (z, t) => z.map((x) => sigmoid(x / t)),
      text: percent,
    },
    nothing: { head: "nothing: the logits", of: (z, t) => z.map((x) => x / t), text: showLogit },
  };

  function change(what, act) {
    act();
    touched = what;
    update();
  }

  function update() {
    const [c, t, layer] = [shift(), temperature(), checked("drag-layer")];
    const z = base.map((x) => x + c);
    const limit = Math.max(10, ...z.map(Math.abs));
    const { head, of, text } = LAYERS[layer];
    const output = of(z, t);
    bars.set("logit", z, (x) => show(x, 1), limit);
    bars.set("output", output, text, layer === "nothing" ? limit / Math.min(1, t) : undefined);
    bars.heads.output.textContent = head;
    explain(z, t);
    bars.mark(argmax(z));
    byId("drag-shift-value").textContent = show(c, 0);
    byId("drag-temperature-value").textContent = show(t);
    byId("drag-sum").textContent = `Sum of what comes out: ${show(sum(output), 3)}`;
    const lines = law(layer, z, output, c, t).map((line) => make("p", {}, line));
    byId("drag-law").replaceChildren(...lines);
  }

  /** Each step of softmax, as the formula is written and less the largest logit m. */
  function explain(z, t) {
    const largest = Math.max(...z);
    const powers = z.map((x) => Math.fround(Math.exp(Math.fround(x / t))));
    const shifted = z.map((x) => Math.exp((x - largest) / t));
    steps.set("power", powers, (x) => show(x, 3));
    steps.set("shifted", shifted, (x) => show(x, 3));
    steps.set("share", softmax(z, t), percent);
    steps.mark(argmax(z));
    byId("drag-steps-sum").textContent =
      `z → eᶻ → ÷ Σ: as it’s written Σ eᶻ = ${show(sum(powers), 2)}; with the largest logit, ` +
      `m = ${show(largest, 1)}, taken off first Σ = ${show(sum(shifted), 3)}, and the shares are the same.`;
  }

  /** The law that the last change has just shown, as lines. */
  function law(layer, z, output, c, t) {
    const [i, j] = twoLargest(z);
    if (layer === "nothing") return LAWS.nothing(i, t);
    if (layer === "sigmoids") return LAWS.sigmoids(output, i);
    if (output.some(Number.isNaN)) return LAWS.overflow(z);
    if (touched === "shift") return LAWS.shift(output, softmax(base, t), c);
    if (touched === "temperature") return LAWS.temperature(output, i, t);
    return LAWS.distance(z, output, i, j, t);
  }

  function set(logits) {
    change("bar", () => {
      base = [...logits];
      byId("drag-shift").value = 0;
      byId("drag-temperature").value = 0;
    });
  }

  byId("drag-shift").addEventListener("input", () => change("shift", () => {}));
  byId("drag-temperature").addEventListener("input", () => change("temperature", () => {}));
  for (const radio of document.querySelectorAll('input[name="drag-layer"]')) {
    radio.addEventListener("change", update);
  }
  byId("drag-reset").addEventListener("click", () => set(START));
  byId("drag-take").addEventListener("click", () => set(draw.logits()));
  update();
  return { set };
})();
