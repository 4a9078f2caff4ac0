// Race: the accuracy after each epoch, computed in Rust by is_softmax_essential. The line is the
// mean of the seeds, the band goes from the worst to the best; where training broke down they end.

(() => {
  const RACES = JSON.parse(byId("race-curves").textContent);
  const COLORS = ["--blue", "--orange", "--green", "--purple", "--ink"];
  const DASHES = ["", "7 3", "2 3", "9 3 2 3", "1 5"];
  const chart = byId("race-chart");
  const epoch = byId("race-epoch");
  const rates = byId("race-rate");
  const NS = "http://www.w3.org/2000/svg";

  /** The curves of the digits that are chosen. */
  const race = () => RACES[checked("race-digits")];

  const of = (optimizer, loss) =>
    race().curves.filter((c) => c.optimizer === optimizer && c.loss === loss);

  /** At the learning rate that was best on pictures neither trained on nor shown here. */
  const best = (optimizer, loss) => of(optimizer, loss).find((curve) => curve.best);

  function curves() {
    const optimizer = checked("race-optimizer");
    return race().losses.map((loss) =>
      rates.value === "best"
        ? best(optimizer, loss)
        : of(optimizer, loss).find((curve) => curve.rate === Number(rates.value)),
    );
  }

  /** The rates of the optimizer, as far as possible the one that was chosen. */
  function offerRates() {
    const chosen = rates.value;
    const grid = race().rates[checked("race-optimizer")];
    const options = [
      ["best", "each at its best"],
      ...grid.map((rate) => [rate, `${rate} for all`]),
    ];
    rates.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
    rates.value = options.some(([value]) => String(value) === chosen) ? chosen : "best";
  }

  function svg(tag, attributes, text = "") {
    const element = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  }

  function paint() {
    const width = chart.clientWidth || 600;
    const height = Math.min(380, Math.max(260, 0.6 * width));
    const [left, right, top, bottom] = [46, 12, 10, 40];
    const x = (e) => left + ((e - 1) / (race().epochs - 1)) * (width - left - right);
    const shown = curves();
    // From the ten per cent below the lowest band.
    const floor = Math.floor(10 * Math.min(...shown.flatMap((curve) => curve.low))) / 10;
    const y = (accuracy) =>
      height - bottom - ((accuracy - floor) / (1 - floor)) * (height - top - bottom);
    const parts = [];
    const between = floor < 0.5 ? 0.2 : 0.1;
    for (let accuracy = 1; accuracy > floor - 1e-9; accuracy -= between) {
      parts.push(
        svg("line", {
          class: "grid",
          x1: left,
          x2: width - right,
          y1: y(accuracy),
          y2: y(accuracy),
        }),
      );
      parts.push(
        svg(
          "text",
          { x: left - 6, y: y(accuracy) + 4, "text-anchor": "end" },
          `${Math.round(100 * accuracy)} %`,
        ),
      );
    }
    const tick = race().epochs > 12 ? 5 : 2;
    for (let e = 1; e <= race().epochs; e += e === 1 ? tick - 1 : tick) {
      parts.push(svg("text", { x: x(e), y: height - bottom + 18, "text-anchor": "middle" }, e));
    }
    parts.push(
      svg(
        "text",
        { x: x(race().epochs), y: height - 4, "text-anchor": "end" },
        "epochs: passes over the pictures",
      ),
    );
    shown.forEach((curve, loss) => parts.push(...lines(curve, loss, x, y)));
    chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
    chart.setAttribute("height", height);
    chart.replaceChildren(...parts);
    table(shown);
  }

  /** The band, the line and its end, up to the epoch that is shown. */
  function lines(curve, loss, x, y) {
    const until = Math.min(Number(epoch.value), curve.mean.length);
    const points = (values) => values.slice(0, until).map((value, i) => `${x(i + 1)},${y(value)}`);
    const color = `var(${COLORS[loss]})`;
    if (!until) return [];
    const band = [...points(curve.low), ...points(curve.high).reverse()].join(" ");
    return [
      svg("polygon", { points: band, fill: color, "fill-opacity": 0.16 }),
      svg("polyline", {
        points: points(curve.mean).join(" "),
        fill: "none",
        stroke: color,
        "stroke-width": 2.5,
        "stroke-dasharray": DASHES[loss],
      }),
      svg("circle", { cx: x(until), cy: y(curve.mean[until - 1]), r: 4, fill: color }),
    ];
  }

  function swatch(loss) {
    const line = svg("svg", { class: "swatch", viewBox: "0 0 28 8", "aria-hidden": "true" });
    line.append(
      svg("line", {
        x1: 0,
        x2: 28,
        y1: 4,
        y2: 4,
        stroke: `var(${COLORS[loss]})`,
        "stroke-width": 3,
        "stroke-dasharray": DASHES[loss],
      }),
    );
    return line;
  }

  function accuracy(curve, e) {
    if (e >= curve.mean.length) return "diverged";
    const [low, high] = [curve.low, curve.high].map((values) => show(100 * values[e], 0));
    return `${show(100 * curve.mean[e], 1)} % (${low}–${high})`;
  }

  function table(shown) {
    byId("race-rows").replaceChildren(
      ...shown.map((curve, loss) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, swatch(loss), ` ${race().losses[loss]}`),
          make("td", {}, String(curve.rate)),
          make("td", {}, accuracy(curve, Number(epoch.value) - 1)),
        ),
      ),
    );
    byId("race-epoch-value").textContent = epoch.value;
    byId("race-seeds").textContent = race().seeds;
    const told = shown.map(
      (curve, loss) => `${race().losses[loss]} ${accuracy(curve, Number(epoch.value) - 1)}`,
    );
    chart.setAttribute(
      "aria-label",
      `Test accuracy after epoch ${epoch.value}: ${told.join("; ")}`,
    );
  }

  /** What was measured on the digits that are chosen, and each loss at its best rate after the first
   * and the last epoch. */
  function summary() {
    const rows = Object.keys(race().rates).flatMap((optimizer) =>
      race().losses.map((name) => {
        const curve = best(optimizer, name);
        const cells = [optimizer, curve.rate, accuracy(curve, 0), accuracy(curve, race().epochs - 1)];
        return make(
          "tr",
          {},
          make("th", { scope: "row" }, name),
          ...cells.map((cell) => make("td", {}, String(cell))),
        );
      }),
    );
    byId("race-best").replaceChildren(...rows);
    for (const digits of Object.keys(RACES)) {
      byId(`race-${digits}`).hidden = digits !== checked("race-digits");
    }
  }

  let timer = null;
  function stop() {
    clearInterval(timer);
    timer = null;
  }

  byId("race-run").addEventListener("click", () => {
    stop();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    epoch.value = still ? race().epochs : 1;
    paint();
    timer = still
      ? null
      : setInterval(() => {
          epoch.value = Number(epoch.value) + 1;
          paint();
          if (Number(epoch.value) >= race().epochs) stop();
        }, 150);
  });
  epoch.max = race().epochs;
  epoch.value = race().epochs;
  epoch.addEventListener("input", () => {
    stop();
    paint();
  });
  rates.addEventListener("change", paint);
  for (const name of ["race-digits", "race-optimizer"]) {
    for (const radio of document.querySelectorAll(`input[name="${name}"]`)) {
      radio.addEventListener("change", () => {
        offerRates();
        summary();
        paint();
      });
    }
  }
  new ResizeObserver(paint).observe(chart.parentElement);
  offerRates();
  summary();
  paint();
})();
