// Strokes on a canvas, and the picture that is made of them: the strokes are drawn anew, as large as
// their box allows and with a pen that belongs to it, so that a small drawing is no blob; the rest is
// the recipe of every picture.

const CANVAS = 280;
const PEN = 11;
/** The side of the paper on which the strokes are drawn anew, and of the box that they fill there. */
const PAPER = 140;
const FILLED = 100;

class Ink {
  constructor() {
    this.strokes = [];
  }

  clear() {
    this.strokes.length = 0;
  }

  /** Takes the last stroke away. */
  undo() {
    this.strokes.pop();
  }

  /** Puts the pen down. */
  start(x, y) {
    this.strokes.push([[x, y]]);
  }

  /** Moves it on. */
  move(x, y) {
    this.strokes.at(-1).push([x, y]);
  }

  /** 784 pixels in the 256 shades of a file, from 0 to 1; all 0 where nothing is drawn. */
  picture() {
    if (!this.strokes.length) return new Float64Array(SIDE * SIDE);
    const { pixels } = asDigit(this.#drawAnew(), PAPER, PAPER, false);
    return Float64Array.from(pixels, (value) => value / 255);
  }

  /** Light strokes on black, in the middle of the paper. */
  #drawAnew() {
    const points = this.strokes.flat();
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const [wide, high] = [Math.max(...xs) - left, Math.max(...ys) - top];
    const pen = (PEN * PAPER) / CANVAS;
    // A dot stays a dot.
    const scale = FILLED / Math.max(wide, high, 2 * PEN);
    const at = ([x, y]) => [
      PAPER / 2 + (x - left - wide / 2) * scale,
      PAPER / 2 + (y - top - high / 2) * scale,
    ];
    const grey = new Uint8Array(PAPER * PAPER);
    for (const stroke of this.strokes) {
      const line = stroke.map(at);
      line.forEach((to, i) => drawLine(grey, line[Math.max(0, i - 1)], to, pen));
    }
    return grey;
  }
}

/** Lights what is less than the pen's radius from the line, with a soft edge. */
function drawLine(grey, [x0, y0], [x1, y1], pen) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const from = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - pen - 1));
  const to = (a, b) => Math.min(PAPER - 1, Math.ceil(Math.max(a, b) + pen + 1));
  for (let y = from(y0, y1); y <= to(y0, y1); y++) {
    for (let x = from(x0, x1); x <= to(x0, x1); x++) {
      const along = length ? ((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / length : 0;
      const t = Math.min(1, Math.max(0, along));
      const distance = Math.hypot(x + 0.5 - x0 - t * dx, y + 0.5 - y0 - t * dy);
      const ink = Math.min(1, Math.max(0, pen + 0.5 - distance));
      grey[y * PAPER + x] = Math.max(grey[y * PAPER + x], Math.round(255 * ink));
    }
  }
}
