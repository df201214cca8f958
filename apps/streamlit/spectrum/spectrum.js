// The performance spectrum on a canvas: each case a line from when it left the upper activity to when it came to the lower one.
// Wheel or buttons zoom in time, dragging moves; the nearest case is told. Texts are set as text only.
const MARGIN = { left: 16, right: 16, top: 36, bottom: 42 };
const DAY = 86400;
const BUNDLE = 200;
const STEPS = [1, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, DAY, 7 * DAY, 14 * DAY, 30.44 * DAY, 91.3 * DAY, 182.6 * DAY, 365.25 * DAY];
const STATES = new WeakMap();

function when(seconds, step) {
  const text = new Date(seconds * 1000).toISOString();
  if (step >= 28 * DAY) return text.slice(0, 7);
  return step >= DAY ? text.slice(0, 10) : step >= 60 ? text.slice(5, 16).replace("T", " ") : text.slice(11, 19);
}

function duration(seconds) {
  for (const [size, unit] of [[365.25 * DAY, "y"], [DAY, "d"], [3600, "h"], [60, "min"]])
    if (seconds >= size * (unit === "y" ? 2 : 1)) return `${(seconds / size).toFixed(1)} ${unit}`;
  return `${Math.round(seconds)} s`;
}

function across(state) {
  const { width } = state.size;
  return (at) => MARGIN.left + ((at - state.from) / (state.until - state.from)) * (width - MARGIN.left - MARGIN.right);
}

function axis(state, pen, x) {
  const { width, height } = state.size;
  const step = STEPS.find((one) => (state.until - state.from) / one <= Math.max(3, width / 130)) ?? 10 * 365.25 * DAY;
  pen.font = "12px sans-serif";
  pen.textAlign = "center";
  pen.fillStyle = state.data.colours.soft;
  pen.strokeStyle = state.data.colours.hair;
  pen.lineWidth = 1;
  for (let at = Math.ceil(state.from / step) * step; at <= state.until; at += step) {
    pen.beginPath();
    pen.moveTo(x(at), MARGIN.top);
    pen.lineTo(x(at), height - MARGIN.bottom);
    pen.stroke();
    const label = Math.min(width - 40, Math.max(40, x(at)));
    pen.fillText(when(at, step), label, height - 6);
  }
}

function rails(state, pen) {
  const { width, height } = state.size;
  pen.strokeStyle = state.data.colours.ink;
  pen.lineWidth = 1.5;
  pen.fillStyle = state.data.colours.ink;
  pen.textAlign = "left";
  pen.font = "600 13px sans-serif";
  const names = [[state.data.source, MARGIN.top, MARGIN.top - 12], [state.data.target, height - MARGIN.bottom, height - MARGIN.bottom + 16]];
  for (const [name, y, text] of names) {
    pen.beginPath();
    pen.moveTo(MARGIN.left, y);
    pen.lineTo(width - MARGIN.right, y);
    pen.stroke();
    pen.fillText(name, MARGIN.left, text);
  }
}

// Some lines, class by class; bundle after bundle, so that no class hides the others.
function lines(state, pen, x, first) {
  const { data } = state;
  const last = Math.min(first + BUNDLE, data.begins.length);
  for (const speed of [1, 2, 3, 4]) {
    pen.strokeStyle = data.colours.classes[speed - 1];
    pen.beginPath();
    for (let i = first; i < last; i += 1) {
      if (data.classes[i] !== speed) continue;
      const end = data.begins[i] + data.seconds[i];
      if (end < state.from || data.begins[i] > state.until) continue;
      pen.moveTo(x(data.begins[i]), MARGIN.top);
      pen.lineTo(x(end), state.size.height - MARGIN.bottom);
    }
    pen.stroke();
  }
}

function paint(state) {
  const { canvas, data, size } = state;
  const sharp = window.devicePixelRatio || 1;
  canvas.width = size.width * sharp;
  canvas.height = size.height * sharp;
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  pen.fillStyle = data.colours.ground;
  pen.fillRect(0, 0, size.width, size.height);
  const x = across(state);
  axis(state, pen, x);
  const [top, bottom] = [MARGIN.top, size.height - MARGIN.bottom];
  pen.save();
  pen.beginPath();
  pen.rect(MARGIN.left, top, size.width - MARGIN.left - MARGIN.right, bottom - top);
  pen.clip();
  pen.globalAlpha = Math.max(0.12, Math.min(0.8, 900 / data.begins.length));
  pen.lineWidth = 1;
  for (let first = 0; first < data.begins.length; first += BUNDLE) lines(state, pen, x, first);
  pen.restore();
  rails(state, pen);
}

function nearest(state, at, y) {
  const { data, size } = state;
  const part = (y - MARGIN.top) / (size.height - MARGIN.top - MARGIN.bottom);
  if (part < 0 || part > 1) return null;
  let [found, least] = [null, Infinity];
  const x = across(state);
  for (let i = 0; i < data.begins.length; i += 1) {
    const away = Math.abs(x(data.begins[i] + part * data.seconds[i]) - at);
    if (away < least) [found, least] = [i, away];
  }
  return least < 6 ? found : null;
}

function zoom(state, factor, part) {
  const [first, last] = state.data.bounds;
  const span = Math.min((last - first) * 1.02, Math.max(60, (state.until - state.from) * factor));
  const middle = state.from + part * (state.until - state.from);
  state.from = middle - part * span;
  state.until = state.from + span;
  paint(state);
}

function whole(state) {
  const [first, last] = state.data.bounds;
  const room = (last - first) * 0.01 || 1;
  Object.assign(state, { from: first - room, until: last + room });
  paint(state);
}

function save(state) {
  state.canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "performance-spectrum.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

function listen(state, root) {
  const { canvas, tip } = state;
  const partOf = (event) => (event.offsetX - MARGIN.left) / (state.size.width - MARGIN.left - MARGIN.right);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(state, Math.exp(event.deltaY * 0.0015), partOf(event));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    state.drag = { x: event.offsetX, from: state.from, until: state.until };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointerup", () => { state.drag = null; });
  canvas.addEventListener("pointermove", (event) => {
    if (state.drag) {
      const room = state.size.width - MARGIN.left - MARGIN.right;
      const away = ((event.offsetX - state.drag.x) / room) * (state.until - state.from);
      Object.assign(state, { from: state.drag.from - away, until: state.drag.until - away });
      paint(state);
      return;
    }
    const found = nearest(state, event.offsetX, event.offsetY);
    tip.classList.toggle("on", found !== null);
    if (found === null) return;
    const { data } = state;
    tip.textContent = `${data.cases[found]}\n${when(data.begins[found], 60)} UTC, ${duration(data.seconds[found])}`;
    tip.style.left = `${Math.min(event.offsetX + 14, state.size.width - 200)}px`;
    tip.style.top = `${Math.min(event.offsetY + 14, state.size.height - 50)}px`;
  });
  canvas.addEventListener("pointerleave", () => tip.classList.remove("on"));
  new ResizeObserver(() => {
    if (!root.clientWidth || root.clientWidth === state.size.width) return;
    state.size = { width: root.clientWidth, height: state.data.height_px };
    paint(state);
  }).observe(root);
}

function begin(root) {
  const state = { canvas: root.appendChild(document.createElement("canvas")), tip: root.appendChild(document.createElement("div")) };
  state.tip.className = "tip";
  const bar = root.appendChild(document.createElement("div"));
  bar.className = "tools";
  const buttons = [["+", "Zoom in", () => zoom(state, 0.6, 0.5)], ["−", "Zoom out", () => zoom(state, 1.6, 0.5)],
    ["Fit", "Show the whole time", () => whole(state)], ["PNG", "Save as PNG", () => save(state)]];
  for (const [word, title, act] of buttons) {
    const button = bar.appendChild(document.createElement("button"));
    Object.assign(button, { type: "button", textContent: word, title, onclick: act });
    button.setAttribute("aria-label", title);
  }
  return state;
}

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".spectrum");
  root.style.height = `${data.height_px}px`;
  let state = STATES.get(root);
  if (!state) {
    state = begin(root);
    STATES.set(root, state);
    state.size = { width: root.clientWidth || 900, height: data.height_px };
    state.data = data;
    listen(state, root);
  }
  const shape = JSON.stringify([data.source, data.target, data.bounds, data.begins.length, data.colours]);
  state.data = data;
  state.canvas.setAttribute("role", "img");
  state.canvas.setAttribute("aria-label", data.title);
  if (state.shape === shape) return;
  state.shape = shape;
  whole(state);
}
