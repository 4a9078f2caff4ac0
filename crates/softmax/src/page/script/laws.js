// The laws of the last layer, each as lines of text with the numbers that the reader has just made.
// z are the logits, p what the last layer makes of them, i and j the two largest.

const sub = (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit];

const LAWS = {
  nothing(i, temperature) {
    const over = temperature === 1 ? "" : " divided by T";
    return [
      `Nothing follows the last layer: what comes out are the logits${over}. The largest one names ` +
        `the class, ${i}, just as softmax would. But what comes out isn’t probabilities.`,
    ];
  },

  sigmoids(p, i) {
    return [
      `p = 1 / (1 + exp(−z)), for each class by itself: ${show(p[i], 3)} for ${i}, whatever the ` +
        "other nine are. Their sum can be anything from 0 to 10: ten answers to ten questions of " +
        "yes or no.",
    ];
  },

  overflow(z) {
    const broken =
      Math.max(...z) > 0
        ? "exp(z) is ∞ from z = 89 on, and ∞/∞ is no number"
        : "every exp(z) is 0 below z = −104, and 0/0 is no number";
    return [
      `In float32 ${broken}. Softmax as it’s computed everywhere first takes the largest logit off ` +
        "all of them, which changes nothing but the overflow.",
    ];
  },

  shift(p, before, shift) {
    const moved = Math.max(...p.map((x, k) => Math.abs(x - before[k])));
    return [
      `softmax(z + c) = softmax(z): with c = ${show(shift, 0)} no probability has moved by more ` +
        `than ${moved ? show(moved, 6) : "0"}. By algebra one logit alone says nothing: only differences do. By experience the largest of a trained network says something, as training left the rest where it is.`,
    ];
  },

  temperature(p, i, temperature) {
    const entropy = -sum(p.map((x) => (x > 0 ? x * Math.log(x) : 0)));
    return [
      `softmax(z / T): the order stays, so the answer stays ${i}. A larger T makes the network ` +
        `less sure, a smaller one surer: ${percent(p[i])} at T = ${show(temperature)}.`,
      `Entropy, which says how open the answer is: ${show(Math.abs(entropy))} nats. It’s 0 if the ` +
        "network is certain, and ln 10 = 2.30 if all ten are as probable. A nat is the unit of " +
        "what natural logarithms measure.",
    ];
  },

  distance(z, p, i, j, temperature) {
    const distance = show(z[i] - z[j], 3);
    const over = temperature === 1 ? "" : `, divided by T: ${show((z[i] - z[j]) / temperature, 3)}`;
    const ratio = show(Math.log(p[i] / p[j]), 3);
    return [
      `z${sub(i)} − z${sub(j)} = ${distance}${over}, and ln (p${sub(i)} / p${sub(j)}) = ${ratio}: ` +
        "the same. The distance between two logits says exactly how probable one class is against " +
        "the other. The other eight don’t matter.",
    ];
  },
};
