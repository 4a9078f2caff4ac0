// A table with a row for each class and bars in its columns; the bars of a column can be dragged.

const DIGITS = [..."0123456789"];

class Bars {
  /** `columns`: for each the name it is set by, its head, `drag` where its bars can be, and whether
   * there are numbers `only`. */
  constructor(host, caption, columns) {
    this.columns = columns;
    this.heads = {};
    const widths = [make("col", { class: "label" })];
    const heads = columns.map(({ name, head, only }) => {
      if (!only) widths.push(make("col"));
      widths.push(make("col", { class: "number" }));
      this.heads[name] = only
        ? make("th", { scope: "col", class: "only" }, head)
        : make("th", { scope: "col", colspan: 2 }, head);
      return this.heads[name];
    });
    this.rows = DIGITS.map((digit) => this.#row(digit));
    const head = make(
      "tr",
      {},
      make("th", { scope: "col" }, make("abbr", { title: "digit" }, "#")),
    );
    head.append(...heads);
    host.append(
      make("caption", { class: "unseen" }, caption),
      make("colgroup", {}, ...widths),
      make("thead", {}, head),
      make("tbody", {}, ...this.rows.map((row) => row.element)),
    );
  }

  #row(digit) {
    const label = make("th", { scope: "row" }, digit);
    const element = make("tr", {}, label);
    const cells = {};
    for (const { name, drag, only } of this.columns) {
      const bar = make("span", { class: "bar" });
      const track = make("div", { class: "track" }, bar);
      const number = make("td", { class: "number" });
      cells[name] = { track, bar, number, slider: drag && slider(track, digit, drag) };
      if (!only) element.append(make("td", {}, track));
      element.append(number);
    }
    return { element, label, cells };
  }

  /**
   * Shows the values of a column: as bars from the middle of −limit … limit, or without a limit
   * from the left of 0 … 1.
   */
  set(name, values, text, limit) {
    values.forEach((value, i) => {
      const { track, bar, number, slider } = this.rows[i].cells[name];
      const [from, to] = limit ? ends(0, value, limit) : [0, within(value)];
      track.classList.toggle("signed", Boolean(limit));
      place(bar, from, to);
      number.textContent = text(value);
      number.classList.toggle("bad", !Number.isFinite(value));
      if (slider) {
        [slider.min, slider.max, slider.value] = [-limit, limit, value];
        slider.setAttribute("aria-valuetext", text(value));
        track.style.setProperty("--grip", `${100 * within((value + limit) / (2 * limit))}%`);
      }
    });
  }

  /** Arrows in a column from each value to where a step would take it. */
  arrows(name, values, next, limit) {
    values.forEach((value, i) => {
      const { track } = this.rows[i].cells[name];
      const arrow = track.querySelector(".arrow") ?? make("span", { class: "arrow" });
      track.append(arrow);
      place(arrow, ...ends(value, next[i], limit));
      arrow.classList.toggle("leftwards", next[i] < value);
      arrow.hidden = Math.abs(next[i] - value) < limit / 100;
    });
  }

  /** Puts the class in bold, and a sign behind another. */
  mark(largest, truth) {
    this.rows.forEach(({ element, label }, i) => {
      element.classList.toggle("largest", i === largest);
      label.textContent = i === truth ? `${i} ✓` : `${i}`;
    });
  }
}

const within = (share) => (share > 0 ? Math.min(1, share) : 0);

/** Two places on −limit … limit as shares, the smaller one first. */
function ends(a, b, limit) {
  const places = [a, b].map((x) => within((x + limit) / (2 * limit)));
  return [Math.min(...places), Math.max(...places)];
}

function place(element, from, to) {
  element.style.left = `${100 * from}%`;
  element.style.width = `${100 * (to - from)}%`;
}

/**
 * A slider over a bar: keyboard and screen readers use an input, mouse and touch all of the bar.
 * `drag(row, value)` is told of each change.
 */
function slider(track, digit, drag) {
  const input = make("input", { type: "range", step: 0.1, "aria-label": `logit of ${digit}` });
  input.addEventListener("input", () => drag(Number(digit), Number(input.value)));
  const follow = (event) => {
    const frame = track.getBoundingClientRect();
    const share = within((event.clientX - frame.left) / frame.width);
    const value = Number(input.min) + share * (input.max - input.min);
    drag(Number(digit), Math.round(10 * value) / 10);
  };
  track.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    input.focus({ preventScroll: true });
    track.setPointerCapture(event.pointerId);
    follow(event);
  });
  track.addEventListener("pointermove", (event) => {
    if (track.hasPointerCapture(event.pointerId)) follow(event);
  });
  track.classList.add("draggable");
  track.prepend(input);
  return input;
}
