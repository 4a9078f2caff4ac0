// Ink on a canvas, and the picture that is made of it as MNIST's pictures were made: the drawing is
// scaled into a box of 20×20 pixels, and its centre of mass is put in the middle of 28×28.

const CANVAS = 280;
const PEN = 11;
const SIDE = 28;
const BOX = 20;

class Ink {
  constructor() {
    this.strokes = [];
    this.clear();
  }

  clear() {
    this.strokes.length = 0;
    this.map = new Float32Array(CANVAS * CANVAS);
  }

  /** Puts the pen down. */
  start(x, y) {
    this.strokes.push([[x, y]]);
    this.#line(x, y, x, y);
  }

  /** Moves it on. */
  move(x, y) {
    const stroke = this.strokes.at(-1);
    const [fromX, fromY] = stroke.at(-1);
    stroke.push([x, y]);
    this.#line(fromX, fromY, x, y);
  }

  /** Darkens what is less than the pen's radius from the line, with a soft edge. */
  #line(x0, y0, x1, y1) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy;
    const from = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - PEN - 1));
    const to = (a, b) => Math.min(CANVAS - 1, Math.ceil(Math.max(a, b) + PEN + 1));
    for (let y = from(y0, y1); y <= to(y0, y1); y++) {
      for (let x = from(x0, x1); x <= to(x0, x1); x++) {
        const along = length ? ((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / length : 0;
        const t = Math.min(1, Math.max(0, along));
        const distance = Math.hypot(x + 0.5 - x0 - t * dx, y + 0.5 - y0 - t * dy);
        const ink = Math.min(1, Math.max(0, PEN + 0.5 - distance));
        const at = y * CANVAS + x;
        this.map[at] = Math.max(this.map[at], ink);
      }
    }
  }

  /** 784 pixels in the 256 shades of a file, from 0 to 1; all 0 where nothing is drawn. */
  picture() {
    const picture = new Float64Array(SIDE * SIDE);
    const frame = this.#frame();
    if (!frame) return picture;
    const longer = Math.max(frame.width, frame.height);
    const scaled = (side) => Math.max(1, Math.round((side * BOX) / longer));
    const [width, height] = [scaled(frame.width), scaled(frame.height)];
    const small = this.#shrink(frame, width, height);
    const left = middle(small, width, height, (x) => x);
    const top = middle(small, width, height, (_, y) => y);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (top + y) * SIDE + left + x;
        picture[at] = Math.round(255 * small[y * width + x]) / 255;
      }
    }
    return picture;
  }

  /** The smallest rectangle with all ink in it. */
  #frame() {
    let [left, top, right, bottom] = [CANVAS, CANVAS, -1, -1];
    for (let y = 0; y < CANVAS; y++) {
      for (let x = 0; x < CANVAS; x++) {
        if (this.map[y * CANVAS + x] < 0.5) continue;
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      }
    }
    return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  }

  /** The frame in fewer pixels, each the mean of what it covers. */
  #shrink(frame, width, height) {
    const columns = covers(frame.width, width);
    const rows = covers(frame.height, height);
    const small = new Float64Array(width * height);
    rows.forEach((row, y) => {
      columns.forEach((column, x) => {
        let ink = 0;
        for (const [j, weightY] of row) {
          const start = (frame.top + j) * CANVAS + frame.left;
          for (const [i, weightX] of column) ink += weightY * weightX * this.map[start + i];
        }
        small[y * width + x] = ink;
      });
    });
    return small;
  }
}

/** For each of `few` parts of a line of `many` pixels: the pixels in it and their shares of it. */
function covers(many, few) {
  const length = many / few;
  return Array.from({ length: few }, (_, part) => {
    const [start, end] = [part * length, (part + 1) * length];
    const shares = [];
    for (let i = Math.floor(start); i < Math.min(many, end); i++) {
      shares.push([i, (Math.min(i + 1, end) - Math.max(i, start)) / length]);
    }
    return shares;
  });
}

/** Where the box goes so that its mass is centred, in whole pixels; all of it stays inside. */
function middle(small, width, height, coordinate) {
  let [mass, moment] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      mass += small[y * width + x];
      moment += small[y * width + x] * (coordinate(x, y) + 0.5);
    }
  }
  const room = SIDE - (coordinate(1, 0) ? width : height);
  return Math.min(room, Math.max(0, Math.round(SIDE / 2 - moment / mass)));
}
