// Draw: what the network says of a drawing, at each stroke.

const LOGIT_LIMIT = 20;
/** How far an arrow key moves the pen. */
const KEY_STEP = 7;

const draw = (() => {
  const ink = new Ink();
  const canvas = byId("draw-canvas");
  const seen = byId("draw-seen");
  const bars = new Bars(byId("draw-bars"), "Logit and probability of each digit", [
    { name: "logit", head: "logit" },
    { name: "probability", head: "probability" },
  ]);
  const pen = { x: CANVAS / 2, y: CANVAS / 2, down: false, shown: false };
  let logits = [];
  /** The pointer that draws, if one does. */
  let drawing = null;
  /** True while the paper shows an example: the first touch of it clears it. */
  let isExample = false;

  function paintCanvas() {
    const style = getComputedStyle(canvas);
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, CANVAS, CANVAS);
    context.strokeStyle = style.color;
    [context.lineWidth, context.lineCap, context.lineJoin] = [2 * PEN, "round", "round"];
    for (const stroke of ink.strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      for (const point of stroke) context.lineTo(...point);
      context.stroke();
    }
    if (!pen.shown) return;
    context.strokeStyle = style.getPropertyValue("--orange");
    context.lineWidth = pen.down ? 4 : 2;
    context.beginPath();
    context.arc(pen.x, pen.y, PEN, 0, 2 * Math.PI);
    context.stroke();
  }

  /** Light on black, as in MNIST's files. */
  function paintSeen(picture) {
    const context = seen.getContext("2d");
    const image = context.createImageData(SIDE, SIDE);
    picture.forEach((value, i) =>
      image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i),
    );
    context.putImageData(image, 0, 0);
  }

  function update() {
    const picture = ink.picture();
    logits = forward(picture);
    const probabilities = softmax(logits);
    paintCanvas();
    paintSeen(picture);
    bars.set("logit", logits, showLogit, LOGIT_LIMIT);
    bars.set("probability", probabilities, percent);
    const [first, second] = twoLargest(logits);
    bars.mark(first);
    const odds = Math.exp(logits[first] - logits[second]);
    const margin = show(logits[first] - logits[second]);
    const said = `“It is ${first === 8 ? "an" : "a"} ${first}”: ${percent(probabilities[first])}.`;
    byId("draw-answer").textContent = ink.strokes.length
      ? said
      : `Nothing is drawn, and still: ${said}`;
    byId("draw-margin").replaceChildren(
      `The logit of ${first} is ${margin} above that of ${second}, so ${first} counts as e`,
      make("sup", {}, margin),
      ` = ${odds < 100 ? show(odds, 1) : Math.round(odds).toLocaleString("en")} times as probable.`,
    );
  }

  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    const scale = CANVAS / frame.width;
    return [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || drawing !== null) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    drawing = event.pointerId;
    pen.shown = false;
    start(...place(event));
    update();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drawing !== event.pointerId) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) ink.move(...place(part));
    update();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (drawing === event.pointerId) drawing = null;
    });
  }

  const DIRECTIONS = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  canvas.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    const clears = event.key === "Delete" || event.key === "Backspace";
    if (!direction && event.key !== " " && !clears) return;
    event.preventDefault();
    pen.shown = true;
    if (direction) {
      pen.x = Math.min(CANVAS - PEN, Math.max(PEN, pen.x + KEY_STEP * direction[0]));
      pen.y = Math.min(CANVAS - PEN, Math.max(PEN, pen.y + KEY_STEP * direction[1]));
      if (pen.down) ink.move(pen.x, pen.y);
    } else if (clears) {
      clear();
    } else {
      pen.down = !pen.down;
      if (pen.down) start(pen.x, pen.y);
    }
    update();
  });
  canvas.addEventListener("blur", () => {
    [pen.shown, pen.down] = [false, false];
    paintCanvas();
  });

  function start(x, y) {
    if (isExample) ink.clear();
    isExample = false;
    ink.start(x, y);
  }

  function showExample(name) {
    trace(ink, name);
    isExample = true;
    update();
  }

  function undo() {
    ink.undo();
    [pen.down, isExample] = [false, false];
    update();
  }

  function clear() {
    ink.clear();
    isExample = false;
    pen.down = false;
    update();
  }

  byId("draw-clear").addEventListener("click", clear);
  byId("draw-undo").addEventListener("click", undo);
  for (const button of document.querySelectorAll("[data-drawing]")) {
    button.addEventListener("click", () => showExample(button.dataset.drawing));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintCanvas);
  showExample("sure");
  return { logits: () => logits, picture: () => ink.picture() };
})();
