// The state in the address: `#drag?drag-shift=100&drag-layer=naive` opens a panel with these controls
// set, and each change of a control is written there, so that it can be linked to. With `only`, as in
// `#drag?only`, the panel is shown alone, for a slide or a frame.

(() => {
  const controls = (panel) =>
    [...panel.querySelectorAll("input, select")].filter((c) => c.id || c.type === "radio");
  const nameOf = (control) => control.id || control.name;
  const isOn = (control) => control.type !== "radio" || control.checked;

  /** Of each control its value when the page was opened. */
  const state = (panel) =>
    new Map(
      controls(panel)
        .filter(isOn)
        .map((control) => [nameOf(control), control.value]),
    );
  const panels = [...document.querySelectorAll("main > section")];
  const defaults = new Map(panels.map((panel) => [panel.id, state(panel)]));

  function write(panel) {
    const changed = [...state(panel)].filter(
      ([name, value]) => defaults.get(panel.id).get(name) !== value,
    );
    const only = document.body.classList.contains("alone") ? ["only"] : [];
    const parts = [
      ...only,
      ...changed.map(([name, value]) => `${name}=${encodeURIComponent(value)}`),
    ];
    history.replaceState(null, "", `#${panel.id}${parts.length ? "?" : ""}${parts.join("&")}`);
  }

  function read() {
    const [id, query = ""] = location.hash.slice(1).split("?");
    const panel = panels.find((section) => section.id === id);
    const parts = new URLSearchParams(query);
    document.body.classList.toggle("alone", Boolean(panel) && parts.has("only"));
    for (const section of panels) section.classList.toggle("shown", section === panel);
    if (!panel) return;
    for (const control of controls(panel)) {
      const value = parts.get(nameOf(control));
      if (value === null || (control.type === "radio" && control.value !== value)) continue;
      if (control.type === "radio") control.checked = true;
      else control.value = value;
      for (const kind of ["input", "change"]) {
        control.dispatchEvent(new Event(kind, { bubbles: true }));
      }
    }
    if (query) panel.scrollIntoView({ behavior: "instant" });
  }

  read();
  addEventListener("hashchange", read);
  for (const panel of panels) {
    panel.addEventListener("change", () => write(panel));
  }
})();
