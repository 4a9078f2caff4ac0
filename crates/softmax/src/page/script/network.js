// DigitClassifier: 784 pixels → 128, ReLU → 10 logits, on the weights that `train` has found.

const PIXELS = 784;
const HIDDEN = 128;
const CLASSES = 10;

const NETWORK = (() => {
  const text = byId("weights").textContent.trim();
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const take = (count) =>
    Float32Array.from({ length: count }, () => view.getFloat32(4 * at++, true));
  return {
    fc1: { weight: take(HIDDEN * PIXELS), bias: take(HIDDEN) },
    fc2: { weight: take(CLASSES * HIDDEN), bias: take(CLASSES) },
  };
})();

/** x · weightᵀ + bias; `weight` holds a row of x.length numbers for each output. */
function linear({ weight, bias }, x) {
  return Array.from(bias, (sum, row) => {
    const start = row * x.length;
    for (let i = 0; i < x.length; i++) sum += weight[start + i] * x[i];
    return sum;
  });
}

/** Ten logits of 784 pixels from 0 to 1. */
function forward(pixels) {
  const hidden = linear(NETWORK.fc1, pixels).map((x) => Math.max(x, 0));
  return linear(NETWORK.fc2, hidden);
}
