// A picture of any size as MNIST's pictures were made, and `predict` makes them: src/data/digit.rs has
// the same steps in the same order, so that both give the same 784 pixels.
//
// The paper's brightness is estimated and taken away, so that light may fall off; ink is what differs
// from it most, dark or light; specks and what touches the edge are left out. The rest is cropped, its
// strokes are brought to MNIST's width, and it is fitted into 20×20 pixels with its centre of mass in
// the middle of 28×28.

const SIDE = 28;
const BOX = 20;
/** The longer side of a picture that is looked at; larger ones are reduced. */
const LOOKED_AT = 400;
/** The longer side of the digit while its strokes are drawn anew: four times the box. */
const FINE = 80;
/** A stroke's width there, as MNIST has it. */
const STROKE = 9.5;

/** Ink differs from the paper by as much, of 255. */
const FAINTEST = 8;

/** Grey pixels, 0 to 255, row by row, as 784 of them, light on black, and doubts about them. */
function asDigit(grey, width, height, dark = null) {
  const doubts = [];
  const picture = reduce({ values: Float64Array.from(grey), width, height });
  const ink = difference(picture, background(picture), dark);
  const bound = otsu(ink.values);
  if (bound < FAINTEST) return { pixels: new Uint8Array(SIDE * SIDE), doubts: ["no ink was found"] };
  if (4 * ink.noise > bound) doubts.push("the ground is not plain");
  const digit = drawAnew(enlarge(parts(ink, bound, doubts), bound));
  return { pixels: centre(digit), doubts };
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

/** In fewer pixels, each the mean of what it covers. */
function shrink({ values, width, height }, few, rows) {
  const [columns, lines] = [covers(width, few), covers(height, rows)];
  const small = new Float64Array(few * rows);
  lines.forEach((line, y) => {
    columns.forEach((column, x) => {
      let sum = 0;
      for (const [j, weightY] of line) {
        for (const [i, weightX] of column) sum += weightY * weightX * values[j * width + i];
      }
      small[y * few + x] = sum;
    });
  });
  return { values: small, width: few, height: rows };
}

/** Sides with the longer one `longest`. */
function scaled(width, height, longest) {
  const longer = Math.max(width, height);
  return [width, height].map((side) => Math.max(1, Math.floor((side * longest) / longer + 0.5)));
}

function reduce(picture) {
  if (Math.max(picture.width, picture.height) <= LOOKED_AT) return picture;
  return shrink(picture, ...scaled(picture.width, picture.height, LOOKED_AT));
}

/** The paper: a surface of degree two through the pixels at the edge, then through all that are near
 * it, four times over. */
function background({ values, width, height }) {
  const terms = (x, y) => {
    const [u, v] = [(2 * x + 1) / width - 1, (2 * y + 1) / height - 1];
    return [1, u, v, u * u, u * v, v * v];
  };
  const surface = new Float64Array(values.length);
  const rim = Math.max(1, Math.floor(Math.min(width, height) / 12));
  const atEdge = (x, y) => x < rim || y < rim || x >= width - rim || y >= height - rim;
  const edge = values.filter((_, i) => atEdge(i % width, Math.floor(i / width)));
  surface.fill(median(edge));
  // Drawn on a screen: no light falls off.
  if (edge.every((value) => value === edge[0])) return surface;
  let bound = Infinity;
  for (let round = 0; round < 5; round++) {
    const system = Array.from({ length: 6 }, () => new Float64Array(7));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        if (round === 0 ? !atEdge(x, y) : Math.abs(values[at] - surface[at]) > bound) continue;
        const t = terms(x, y);
        for (let i = 0; i < 6; i++) {
          for (let j = 0; j < 6; j++) system[i][j] += t[i] * t[j];
          system[i][6] += t[i] * values[at];
        }
      }
    }
    const weights = solve(system);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const t = terms(x, y);
        let sum = 0;
        for (let i = 0; i < 6; i++) sum += weights[i] * t[i];
        surface[y * width + x] = sum;
      }
    }
    bound = 2 + 3 * median(values.map((value, i) => Math.abs(value - surface[i])));
  }
  return surface;
}

function median(values) {
  return Float64Array.from(values).sort()[Math.floor(values.length / 2)];
}

/** Gauss's elimination of a symmetric positive system; what is undetermined stays 0. */
function solve(system) {
  const count = system.length;
  for (let i = 0; i < count; i++) system[i][i] += 1e-6;
  for (let i = 0; i < count; i++) {
    for (let row = i + 1; row < count; row++) {
      const factor = system[row][i] / system[i][i];
      for (let j = i; j <= count; j++) system[row][j] -= factor * system[i][j];
    }
  }
  const solution = new Float64Array(count);
  for (let i = count - 1; i >= 0; i--) {
    let rest = system[i][count];
    for (let j = i + 1; j < count; j++) rest -= system[i][j] * solution[j];
    solution[i] = rest / system[i][i];
  }
  return solution;
}

/** How far each pixel is from the paper, on the side of the ink: that with more of it, squared, unless
 * it is given. */
function difference({ values, width, height }, surface, dark) {
  let [darker, lighter] = [0, 0];
  const off = values.map((value, i) => value - surface[i]);
  for (const x of off) {
    if (x < 0) darker += x * x;
    else lighter += x * x;
  }
  const sign = (dark ?? darker > lighter) ? -1 : 1;
  const ink = off.map((x) => Math.max(0, sign * x));
  return { values: ink, width, height, noise: median(off.map(Math.abs)) };
}

/** Otsu's bound between two kinds of numbers from 0 to 255: the one that leaves them least varied. */
function otsu(values) {
  const counts = new Float64Array(256);
  let [all, sum] = [0, 0];
  for (const value of values) {
    const level = Math.min(255, Math.floor(value));
    counts[level] += 1;
    all += 1;
    sum += level;
  }
  let [below, sumBelow, most, best] = [0, 0, -1, 0];
  for (let level = 0; level < 255; level++) {
    below += counts[level];
    sumBelow += level * counts[level];
    const above = all - below;
    if (below === 0 || above === 0) continue;
    const apart = sumBelow / below - (sum - sumBelow) / above;
    const between = below * above * apart * apart;
    if (between > most) [most, best] = [between, level];
  }
  return best + 1;
}

/** The ink of the digit alone, cropped: connected parts that are not too small beside the largest, and
 * not at the edge if there is one that is not. */
function parts({ values, width, height }, bound, doubts) {
  const part = new Int32Array(values.length);
  const found = [];
  for (let start = 0; start < values.length; start++) {
    if (part[start] || values[start] < bound) continue;
    const of = { size: 0, left: width, top: height, right: 0, bottom: 0 };
    found.push(of);
    part[start] = found.length;
    const open = [start];
    while (open.length) {
      const at = open.pop();
      const [x, y] = [at % width, Math.floor(at / width)];
      of.size += 1;
      [of.left, of.right] = [Math.min(of.left, x), Math.max(of.right, x)];
      [of.top, of.bottom] = [Math.min(of.top, y), Math.max(of.bottom, y)];
      for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++) {
        for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++) {
          const next = j * width + i;
          if (part[next] || values[next] < bound) continue;
          part[next] = found.length;
          open.push(next);
        }
      }
    }
  }
  const touches = (of) =>
    of.left === 0 || of.top === 0 || of.right === width - 1 || of.bottom === height - 1;
  const largest = (all) => Math.max(0, ...all.map((of) => of.size));
  const inside = found.filter((of) => !touches(of));
  const free = 20 * largest(inside) >= largest(found);
  const least = largest(free ? inside : found) / 12;
  const keeps = found.map((of) => of.size >= least && !(free && touches(of)));
  const kept = found.filter((_, i) => keeps[i]);
  if (!free) doubts.push("what is drawn touches the edge");
  if (kept.length > 4) doubts.push(`there are ${kept.length} separate parts`);
  const share = kept.reduce((sum, of) => sum + of.size, 0) / values.length;
  if (share > 0.5) doubts.push("more than half of the picture is ink");
  const [left, top] = [0, 1].map((k) => Math.min(...kept.map((of) => (k ? of.top : of.left))));
  const [right, bottom] = [0, 1].map((k) => Math.max(...kept.map((of) => (k ? of.bottom : of.right))));
  // One pixel more on each side, for the soft edge; another part's ink is left out.
  const wide = right - left + 3;
  const crop = new Float64Array(wide * (bottom - top + 3));
  for (let y = Math.max(0, top - 1); y <= Math.min(height - 1, bottom + 1); y++) {
    for (let x = Math.max(0, left - 1); x <= Math.min(width - 1, right + 1); x++) {
      const of = part[y * width + x];
      if (of && !keeps[of - 1]) continue;
      crop[(y - top + 1) * wide + x - left + 1] = values[y * width + x];
    }
  }
  return { values: crop, width: wide, height: bottom - top + 3 };
}

/** With the longer side `FINE`, as 1 where there is ink and 0 elsewhere, and a margin for wider
 * strokes. */
function enlarge(picture, bound) {
  const [width, height] = scaled(picture.width, picture.height, FINE);
  const fine = picture.width > width ? shrink(picture, width, height) : stretch(picture, width, height);
  const margin = Math.floor(STROKE);
  const wide = width + 2 * margin;
  const mask = new Float64Array(wide * (height + 2 * margin));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      mask[(y + margin) * wide + x + margin] = fine.values[y * width + x] >= bound ? 1 : 0;
    }
  }
  return { values: mask, width: wide, height: height + 2 * margin };
}

/** In more pixels, linearly between the old ones. */
function stretch({ values, width, height }, many, lines) {
  const place = (i, side, more) => {
    const at = Math.min(side - 1, Math.max(0, ((i + 0.5) * side) / more - 0.5));
    const from = Math.min(side - 1, Math.floor(at));
    return [from, Math.min(side - 1, from + 1), at - from];
  };
  const large = new Float64Array(many * lines);
  for (let y = 0; y < lines; y++) {
    const [top, bottom, down] = place(y, height, lines);
    for (let x = 0; x < many; x++) {
      const [left, right, across] = place(x, width, many);
      const row = (j) => values[j * width + left] * (1 - across) + values[j * width + right] * across;
      large[y * many + x] = row(top) * (1 - down) + row(bottom) * down;
    }
  }
  return { values: large, width: many, height: lines };
}

/** The same strokes, as wide as MNIST's, with a soft edge. A stroke's mean distance from its edge is a
 * quarter of its width. */
function drawAnew({ values, width, height }) {
  const within = distances(values, width, height, 0);
  const outside = distances(values, width, height, 1);
  let [sum, count] = [0, 0];
  values.forEach((value, i) => {
    if (value) [sum, count] = [sum + within[i], count + 1];
  });
  const wide = (4 * sum) / Math.max(1, count);
  const more = Math.max(-0.25 * wide, Math.min(STROKE / 2, (STROKE - wide) / 2));
  const drawn = values.map((value, i) => {
    const inside = value ? within[i] : -outside[i];
    return Math.min(1, Math.max(0, inside + more + 0.5));
  });
  return { values: drawn, width, height };
}

/** For each pixel its distance from the edge of the nearest one of a kind: to that pixel, less half of
 * one. Column by column first, then along the rows. */
function distances(values, width, height, kind) {
  const far = width + height;
  const down = new Float64Array(values.length);
  for (let x = 0; x < width; x++) {
    for (let y = 0, last = far; y < height; y++) {
      last = values[y * width + x] === kind ? 0 : last + 1;
      down[y * width + x] = last;
    }
    for (let y = height - 1, last = far; y >= 0; y--) {
      last = values[y * width + x] === kind ? 0 : last + 1;
      down[y * width + x] = Math.min(down[y * width + x], last);
    }
  }
  const found = new Float64Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let nearest = Infinity;
      for (let i = 0; i < width; i++) {
        const [across, along] = [i - x, down[y * width + i]];
        nearest = Math.min(nearest, across * across + along * along);
      }
      found[y * width + x] = Math.sqrt(nearest) - 0.5;
    }
  }
  return found;
}

/** 784 pixels, 0 to 255: the drawing's box fitted into 20×20, its centre of mass in the middle. */
function centre({ values, width, height }) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  values.forEach((value, i) => {
    if (value < 0.5) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  const [w, h] = [right - left + 1, bottom - top + 1];
  const box = new Float64Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) box[y * w + x] = values[(top + y) * width + left + x];
  }
  const small = shrink({ values: box, width: w, height: h }, ...scaled(w, h, BOX));
  const moved = [0, 1].map((k) => middle(small, k));
  const pixels = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      const at = (moved[1] + y) * SIDE + moved[0] + x;
      pixels[at] = Math.floor(255 * small.values[y * small.width + x] + 0.5);
    }
  }
  return pixels;
}

/** Where the box goes so that its mass is centred, in whole pixels; all of it stays inside. */
function middle({ values, width, height }, down) {
  let [mass, moment] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      mass += values[y * width + x];
      moment += values[y * width + x] * ((down ? y : x) + 0.5);
    }
  }
  const room = SIDE - (down ? height : width);
  return Math.min(room, Math.max(0, Math.floor(SIDE / 2 - moment / mass + 0.5)));
}
