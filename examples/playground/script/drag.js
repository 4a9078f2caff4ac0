// Drag: what the last layer makes of ten logits, and the laws that it obeys.

const drag = (() => {
  const START = [0.5, -2, 1, 3.2, -3, 1.5, -4, 0, 2.2, -1];
  const bars = new Bars(byId("drag-bars"), "Ten logits, which can be dragged, and what comes out", [
    { name: "logit", head: "logit: drag me", drag: (i, value) => change("bar", () => { base[i] = value - shift(); }) },
    { name: "output", head: "" },
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
      head: "ten sigmoids", of: (z, t) => z.map((x) => sigmoid(x / t)), text: percent,
    },
    nothing: { head: "nothing: the logits", of: (z, t) => z.map((x) => x / t), text: (x) => show(x) },
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
    bars.mark(argmax(z));
    byId("drag-shift-value").textContent = show(c, 0);
    byId("drag-temperature-value").textContent = show(t);
    byId("drag-sum").textContent = `Sum of what comes out: ${show(sum(output), 3)}`;
    byId("drag-law").replaceChildren(...law(layer, z, output, c, t));
  }

  /** The law that the last change has just shown, as lines. */
  function law(layer, z, output, c, t) {
    const line = (text) => make("p", {}, text);
    const [i, j] = twoLargest(z);
    if (layer === "nothing") {
      return [line(`Nothing follows the last layer: what comes out are the logits${t === 1 ? "" : " divided by T"}. `
        + `The largest one names the class, ${i}, just as softmax would. But what comes out isn’t probabilities.`)];
    }
    if (layer === "sigmoids") {
      return [line(`p = 1 / (1 + exp(−z)), for each class by itself: `
        + `${show(output[i], 3)} for ${i}, whatever the other nine are. Their sum can be anything from 0 to 10: `
        + "ten answers to ten questions of yes or no.")];
    }
    if (layer === "naive" && output.some((x) => !Number.isFinite(x))) {
      const broken = c > 0 ? "exp(z) is ∞ from z = 89 on, and ∞/∞ is no number"
        : "every exp(z) is 0 below z = −104, and 0/0 is no number";
      return [line(`In float32 ${broken}. Softmax as it’s computed everywhere first takes the largest logit `
        + "off all of them, which changes nothing but the overflow.")];
    }
    if (touched === "shift") {
      const before = softmax(base, t);
      const largest = Math.max(...output.map((x, k) => Math.abs(x - before[k])));
      return [line(`softmax(z + c) = softmax(z): with c = ${show(c, 0)} no probability has moved by more than `
        + `${largest ? show(largest, 6) : "0"}. One logit alone says nothing; only differences do.`)];
    }
    if (touched === "temperature") {
      const entropy = -sum(output.map((p) => (p > 0 ? p * Math.log(p) : 0)));
      return [line(`softmax(z / T): the order stays, so the answer stays ${i}. A larger T makes the network less sure, `
        + `a smaller one surer: ${percent(output[i])} at T = ${show(t)}.`),
      line(`Entropy, how open the answer is: ${show(entropy)} nats. It’s 0 if the network is certain and `
        + "ln 10 = 2.30 if all ten are as probable. A nat is the unit of natural logarithms.")];
    }
    const ratio = Math.log(output[i] / output[j]);
    const over = t === 1 ? "" : `, divided by T: ${show((z[i] - z[j]) / t, 3)}`;
    return [line(`z${sub(i)} − z${sub(j)} = ${show(z[i] - z[j], 3)}${over}, and ln (p${sub(i)} / p${sub(j)}) = `
      + `${show(ratio, 3)}: the same. The distance between two logits says exactly how probable one class is `
      + "against the other. The other eight don’t matter.")];
  }

  const sub = (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit];

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
