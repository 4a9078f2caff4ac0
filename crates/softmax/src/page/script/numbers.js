// Numbers: what stands in the last layer, and how a number is written.

/** softmax(z / temperature), as it is computed everywhere: the largest exponent is 0. */
function softmax(z, temperature = 1) {
  const largest = Math.max(...z);
  const powers = z.map((x) => Math.exp((x - largest) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
}

/** exp(z) / Σ exp(z) as the formula is written, in float32 as PyTorch would: it overflows. */
function naiveSoftmax(z, temperature = 1) {
  const powers = z.map((x) => Math.fround(Math.exp(Math.fround(x / temperature))));
  const sum = powers.reduce((a, b) => Math.fround(a + b), 0);
  return powers.map((x) => Math.fround(x / sum));
}

function sigmoid(x) {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

function sum(values) {
  return values.reduce((a, b) => a + b, 0);
}

/** The index of the largest value: as torch.argmax, the first of equal ones. */
function argmax(values) {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
}

/** The indices of the two largest values. */
function twoLargest(values) {
  const order = [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);
  return order.slice(0, 2);
}

/** With a true minus sign; what is too small for its digits in powers of ten. */
function show(x, digits = 2) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x < 0 ? "−∞" : "∞";
  const small = x !== 0 && Math.abs(x) < 0.5 * 10 ** -digits;
  const large = Math.abs(x) >= 1e6;
  const text = small || large ? power(x) : x.toFixed(digits);
  return text.replace(/^-(?=0*\.?0*$)/, "").replace("-", "−");
}

/** To two digits, and what is less than that as 0. */
const showLogit = (z) => show(Math.abs(z) < 0.005 ? 0 : z);

/** 2.5e-22 as 2.5·10⁻²². */
function power(x) {
  const [digits, exponent] = x.toExponential(1).split("e");
  const raised = [...exponent.replace("+", "")].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
  return `${digits}·10${raised.join("")}`;
}

/** A probability in per cent, never 100.0 where it is not. */
function percent(p) {
  if (Number.isNaN(p)) return "NaN";
  const text = (100 * p).toFixed(1);
  if (text === "100.0" && p < 1) return ">99.9\u00a0%";
  if (text === "0.0" && p > 0) return "<0.1\u00a0%";
  return `${text}\u00a0%`;
}

/** An element with attributes and what is in it. */
function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

const byId = (id) => document.getElementById(id);
const checked = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
