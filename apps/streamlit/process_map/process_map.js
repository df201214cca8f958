// The process map's browser side: draws what Python placed, pans, zooms, tells what was clicked. Texts are set as text only.
const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes, parent, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

// The colour on a light and on a dark ground, for the style sheet; a saved picture keeps the attribute, for paper.
function inBoth(edge) {
  return `--light:${edge.colour};--dark:${edge.dark ?? edge.colour}`;
}

function arrowHeads(svg, edges) {
  const defs = make("defs", {}, svg);
  const ids = new Map();
  for (const edge of edges) {
    const key = edge.colour + edge.width;
    if (ids.has(key)) continue;
    const id = "head" + ids.size;
    const marker = make("marker", { id, viewBox: "0 0 10 10", refX: 0.6, refY: 5, markerUnits: "userSpaceOnUse",
      markerWidth: edge.head, markerHeight: edge.width + 7, orient: "auto", preserveAspectRatio: "none" }, defs);
    make("path", { class: "head", d: "M0,0 L10,5 L0,10 Z", fill: edge.colour, style: inBoth(edge) }, marker);
    ids.set(key, id);
  }
  return (edge) => `url(#${ids.get(edge.colour + edge.width)})`;
}

function drawEdge(edge, layer, labels, head) {
  const group = make("g", { class: edge.is_mark ? "edge mark" : "edge", tabindex: 0, role: "button", "aria-label": edge.tip }, layer);
  make("path", { class: "line", d: edge.path, stroke: edge.colour, style: inBoth(edge), "stroke-width": edge.width, "marker-end": head(edge) }, group);
  make("path", { class: "reach", d: edge.path }, group);
  const label = make("g", { class: "edge label" }, labels);
  make("text", { x: edge.lx, y: edge.ly }, label, edge.label);
  return [group, label];
}

function drawNode(node, layer) {
  const group = make("g", { class: "node", tabindex: 0, role: "button", "aria-label": node.tip,
    transform: `translate(${node.x},${node.y})` }, layer);
  if (node.kind === "activity") {
    make("rect", { x: -node.w / 2, y: -node.h / 2, width: node.w, height: node.h, rx: 7, fill: node.fill }, group);
    node.lines.forEach((line, i) => make("text", { class: "name", y: -node.h / 2 + 21 + 18 * i, fill: node.ink }, group, line));
    make("text", { class: "note", y: node.h / 2 - 10, fill: node.ink }, group, node.note);
  } else {
    make("circle", { r: 15, fill: node.kind === "start" ? "#3f6b4b" : "#171b26" }, group);
    if (node.kind === "start") make("path", { d: "M-4,-6.5 L7,0 L-4,6.5 Z", fill: "#fffdf7" }, group);
    else make("rect", { x: -5, y: -5, width: 10, height: 10, fill: "#fffdf7", style: "stroke:none" }, group);
    make("text", { class: "end-word", x: 22 }, group, node.label);
  }
  return group;
}

function painter(root, data, state, choose) {
  root.textContent = "";
  const svg = make("svg", { role: "group", "aria-label": data.title ?? "Process map" }, root);
  const head = arrowHeads(svg, data.edges);
  const world = make("g", {}, svg);
  const [lines, labels, boxes] = [make("g", {}, world), make("g", {}, world), make("g", {}, world)];
  const parts = [];
  for (const edge of data.edges) {
    for (const element of drawEdge(edge, lines, labels, head))
      parts.push({ element, kind: "path", id: edge.id, ends: [edge.source, edge.target], tip: edge.tip });
  }
  for (const node of data.nodes)
    parts.push({ element: drawNode(node, boxes), kind: node.kind, id: node.id, ends: [node.id], tip: node.tip });
  const tip = document.createElement("div");
  tip.className = "tip";
  root.appendChild(tip);
  for (const part of parts) listen(part, root, tip, state, choose);
  return { svg, world, parts };
}

function listen(part, root, tip, state, choose) {
  part.element.addEventListener("pointermove", (event) => {
    if (state.drag) return;
    const box = root.getBoundingClientRect();
    tip.textContent = part.tip;
    tip.classList.add("on");
    const x = Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth - 8);
    const y = Math.min(event.clientY - box.top + 14, box.height - tip.offsetHeight - 8);
    tip.style.left = `${x}px`;
    tip.style.top = `${y}px`;
  });
  part.element.addEventListener("pointerleave", () => tip.classList.remove("on"));
  part.element.addEventListener("click", (event) => { event.stopPropagation(); if (!state.moved) choose(part); });
  part.element.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") choose(part); });
}

function mark(picture, chosen) {
  const known = chosen && picture.parts.some((part) => part.id === chosen.id);
  picture.svg.classList.toggle("choosing", Boolean(known));
  const near = new Set(known ? [chosen.id] : []);
  if (known) for (const part of picture.parts)
    if (part.kind === "path" && (part.id === chosen.id || part.ends.includes(chosen.id))) {
      near.add(part.id);
      part.ends.forEach((end) => near.add(end));
    }
  for (const part of picture.parts) {
    part.element.classList.toggle("chosen", Boolean(known) && part.id === chosen.id);
    part.element.classList.toggle("faded", Boolean(known) && !near.has(part.id));
  }
}

function place(picture, state) {
  picture.world.setAttribute("transform", `translate(${state.x},${state.y}) scale(${state.scale})`);
}

// The whole map if asked or if it stays legible; otherwise its beginning, as large as the width allows.
function fit(root, data, state, whole) {
  const [width, height] = [root.clientWidth || 900, root.clientHeight || data.height_px];
  const byWidth = (width - 70) / data.width;
  const fitting = Math.min(byWidth, (height - 50) / data.height, 1.15);
  state.scale = whole || fitting > 0.72 ? fitting : Math.min(0.85, Math.max(0.55, byWidth));
  const start = data.nodes.find((node) => node.kind === "start" || node.id === data.focus);
  const isWide = data.width * state.scale > width - 20;
  state.x = isWide && start && !whole ? width / 2 - start.x * state.scale : (width - data.width * state.scale) / 2;
  state.y = data.height * state.scale <= height - 20 ? (height - data.height * state.scale) / 2 : 24;
  if (!data.focus || !start || whole) return;
  const within = (size, room, at) => Math.min(24, Math.max(room - size * state.scale - 24, room / 2 - at * state.scale));
  if (isWide) state.x = within(data.width, width, start.x);
  if (data.height * state.scale > height - 20) state.y = within(data.height, height, start.y);
}

function zoom(state, factor, x, y) {
  const scale = Math.min(3, Math.max(0.05, state.scale * factor));
  state.x = x - ((x - state.x) * scale) / state.scale;
  state.y = y - ((y - state.y) * scale) / state.scale;
  state.scale = scale;
}

function movable(root, picture, state) {
  const svg = picture.svg;
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = root.getBoundingClientRect();
    zoom(state, Math.exp(-event.deltaY * 0.0012), event.clientX - box.left, event.clientY - box.top);
    place(picture, state);
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => { state.drag = [event.clientX - state.x, event.clientY - state.y]; state.moved = false; });
  svg.addEventListener("pointermove", (event) => {
    if (!state.drag) return;
    const [x, y] = [event.clientX - state.drag[0], event.clientY - state.drag[1]];
    if (!state.moved && Math.hypot(x - state.x, y - state.y) < 4) return;
    if (!state.moved) { state.moved = true; svg.classList.add("dragging"); svg.setPointerCapture(event.pointerId); }
    state.x = x;
    state.y = y;
    place(picture, state);
  });
  const drop = () => { state.drag = null; svg.classList.remove("dragging"); };
  svg.addEventListener("pointerup", drop);
  svg.addEventListener("pointercancel", drop);
}

function save(picture, data) {
  const copy = picture.svg.cloneNode(true);
  copy.classList.remove("choosing");
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("viewBox", `-20 -20 ${data.width + 90} ${data.height + 40}`);
  copy.setAttribute("width", data.width + 90);
  copy.setAttribute("height", data.height + 40);
  copy.querySelector("g").removeAttribute("transform");
  const style = document.createElementNS(SVG, "style");
  style.textContent = "text{font-family:sans-serif;font-size:12px;text-anchor:middle;dominant-baseline:central}" +
    ".line{fill:none}.reach{fill:none;stroke:none}.edge.mark .line{stroke-dasharray:5 4}.end-word{text-anchor:start}" +
    ".node rect{stroke:#3d4658}.edge text{paint-order:stroke;stroke:#fffdf7;stroke-width:4px;font-size:11px}";
  copy.prepend(style);
  const address = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${data.name ?? "process-map"}.svg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function tools(root, picture, data, state) {
  const bar = document.createElement("div");
  bar.className = "tools";
  const middle = (factor) => () => { zoom(state, factor, root.clientWidth / 2, root.clientHeight / 2); place(picture, state); };
  const buttons = [["+", "Zoom in", middle(1.3)], ["−", "Zoom out", middle(1 / 1.3)],
    ["Fit", "Show the whole map", () => { fit(root, data, state, true); place(picture, state); }],
    ["SVG", "Save the map as SVG", () => save(picture, data)]];
  for (const [word, title, act] of buttons) {
    const button = document.createElement("button");
    button.textContent = word;
    button.title = title;
    button.setAttribute("aria-label", title);
    button.onclick = act;
    bar.appendChild(button);
  }
  root.appendChild(bar);
}

const STATES = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".map");
  root.style.height = `${data.height_px}px`;
  if (data.title) root.setAttribute("aria-label", data.title);
  const state = STATES.get(parentElement) ?? { chosen: null };
  STATES.set(parentElement, state);
  const shape = JSON.stringify([data.nodes, data.edges]);
  if (state.shape === shape && root.querySelector("svg")) return;
  const same = state.size === `${data.width}/${data.height}`;
  const choose = (part) => {
    const again = !part || (state.chosen && state.chosen.id === part.id);
    state.chosen = again ? null : { kind: part.kind, id: part.id };
    mark(picture, state.chosen);
    setStateValue("selected", state.chosen);
  };
  const picture = painter(root, data, state, choose);
  picture.svg.addEventListener("click", () => { if (!state.moved && state.chosen) choose(null); });
  movable(root, picture, state);
  tools(root, picture, data, state);
  if (!same) fit(root, data, state, false);
  Object.assign(state, { shape, size: `${data.width}/${data.height}` });
  place(picture, state);
  mark(picture, state.chosen);
}
