// The four losses of one sample and their gradients by the logits: z are these, c is the true class.

/** What a gradient by the probabilities is by the logits under them. */
function throughSoftmax(p, gradient) {
  const mean = sum(p.map((x, i) => x * gradient[i]));
  return p.map((x, i) => x * (gradient[i] - mean));
}

const less = (values, c) => values.map((x, i) => (i === c ? x - 1 : x));

function crossEntropy(z, c) {
  const largest = Math.max(...z);
  return largest - z[c] + Math.log(sum(z.map((x) => Math.exp(x - largest))));
}

const squaredError = (values, c) => sum(less(values, c).map((x) => x * x)) / values.length;

const squaredErrorGradient = (values, c) => less(values, c).map((x) => (2 / values.length) * x);

/** In the order of the curves, `race.rs`. */
const LOSSES = [
  {
    name: "cross-entropy on logits",
    python: "F.cross_entropy(z, target)",
    value: crossEntropy,
    gradient: (z, c) => less(softmax(z), c),
  },
  {
    name: "cross-entropy on softmax",
    python: "F.cross_entropy(F.softmax(z, dim=1), target)",
    value: (z, c) => crossEntropy(softmax(z), c),
    gradient(z, c) {
      const p = softmax(z);
      return throughSoftmax(p, less(softmax(p), c));
    },
  },
  {
    name: "squared error on softmax",
    python: "F.mse_loss(F.softmax(z, dim=1), F.one_hot(target, 10).float())",
    value: (z, c) => squaredError(softmax(z), c),
    gradient(z, c) {
      const p = softmax(z);
      return throughSoftmax(p, squaredErrorGradient(p, c));
    },
  },
  {
    name: "squared error on logits",
    python: "F.mse_loss(z, F.one_hot(target, 10).float())",
    value: squaredError,
    gradient: squaredErrorGradient,
  },
];
