// Drawings to begin with, made for this page: strokes of points, through which a smooth line goes.

const DRAWINGS = {
  sure: [
    [
      [88, 82],
      [120, 52],
      [168, 56],
      [186, 90],
      [160, 124],
      [130, 134],
    ],
    [
      [130, 134],
      [176, 146],
      [196, 186],
      [170, 226],
      [120, 232],
      [82, 206],
    ],
  ],
  torn: [
    [
      [150, 60],
      [90, 160],
      [200, 160],
    ],
    [
      [150, 60],
      [150, 235],
    ],
  ],
  wrong: [
    [
      [140, 55],
      [95, 95],
      [92, 180],
      [140, 235],
      [188, 180],
      [186, 95],
      [140, 55],
    ],
    [
      [180, 80],
      [100, 210],
    ],
  ],
  flag: [
    [
      [85, 130],
      [155, 55],
    ],
    [
      [155, 55],
      [155, 235],
    ],
  ],
  scribble: [
    [
      [70, 90],
      [210, 70],
      [80, 130],
      [205, 120],
      [75, 180],
      [210, 170],
      [90, 225],
      [200, 215],
    ],
  ],
  heart: [
    [
      [140, 230],
      [80, 160],
      [65, 110],
      [95, 75],
      [140, 105],
      [185, 75],
      [215, 110],
      [200, 160],
      [140, 230],
    ],
  ],
};

/** Points on a Catmull-Rom curve through the given ones. */
function smooth(points) {
  const at = (i) => points[Math.min(points.length - 1, Math.max(0, i))];
  const line = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let t = 0.125; t <= 1; t += 0.125) {
      line.push(
        b.map(
          (_, k) =>
            b[k] +
            0.5 *
              t *
              (c[k] -
                a[k] +
                t *
                  (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k] + t * (3 * (b[k] - c[k]) + d[k] - a[k]))),
        ),
      );
    }
  }
  return line;
}

/** Puts a drawing on empty paper. */
function trace(ink, drawing) {
  ink.clear();
  for (const stroke of DRAWINGS[drawing].map(smooth)) {
    ink.start(...stroke[0]);
    for (const point of stroke.slice(1)) ink.move(...point);
  }
}
