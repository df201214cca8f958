// The map on the page: sliders, overlay, legend, replay, saving. Every text is set as text, never as HTML.
const STATES = new WeakMap();
const LIBRARIES = new Map();
const SEPARATOR = "\x1f";

function library(address) {
  if (!LIBRARIES.has(address)) {
    const coming = import(new URL(address, window.location.origin).href).then((module) => module.default);
    coming.catch(() => LIBRARIES.delete(address));
    LIBRARIES.set(address, coming);
  }
  return LIBRARIES.get(address);
}

function controls(root) {
  const ui = { bar: make("div", { class: "bar" }, root) };
  const slider = (name, min, max) => {
    const label = make("label", { class: "slider" }, ui.bar);
    make("span", {}, label, name);
    const input = make("input", { type: "range", min: String(min), max: String(max), "aria-label": name }, label);
    return [input, make("output", {}, label)];
  };
  [ui.activities, ui.activitiesSaid] = slider("Activities", 1, 1);
  [ui.paths, ui.pathsSaid] = slider("Paths", 0, 100);
  const label = make("label", { class: "choice" }, ui.bar);
  make("span", {}, label, "Show");
  ui.overlay = make("select", { "aria-label": "What the map shows" }, label);
  ui.buttons = make("div", { class: "buttons" }, ui.bar);
  const button = (word, title) => make("button", { type: "button", title, "aria-label": title }, ui.buttons, word);
  [ui.closer, ui.wider, ui.fit] = [button("+", "Zoom in"), button("−", "Zoom out"), button("Fit", "Show the whole map")];
  [ui.replay, ui.png, ui.svg] = [button("Replay", "Replay the cases over time"), button("PNG", "Save the map as PNG"), button("SVG", "Save the map as SVG")];
  reachable(ui, false); // until there is a map that they act on
  ui.says = make("p", { class: "says", "aria-live": "polite" }, root);
  ui.stage = make("div", { class: "stage" }, root);
  ui.graph = make("div", { class: "graph", tabindex: "0", role: "application", "aria-roledescription": "process map" }, ui.stage);
  ui.tokens = make("canvas", { class: "tokens", "aria-hidden": "true" }, ui.stage);
  ui.tip = make("div", { class: "tip", "aria-hidden": "true" }, ui.stage);
  ui.menu = make("div", { class: "menu", role: "menu", hidden: true }, ui.stage);
  ui.empty = make("div", { class: "empty", hidden: true }, ui.stage, "No case is left by these filters.");
  ui.heard = make("div", { class: "unseen", "aria-live": "assertive" }, root);
  ui.player = make("div", { class: "player", hidden: true }, root);
  ui.play = make("button", { type: "button", "aria-label": "Play" }, ui.player, "▶");
  ui.scrub = make("input", { type: "range", min: "0", max: "1000", value: "0", "aria-label": "Moment" }, ui.player);
  ui.moment = make("output", {}, ui.player);
  const speed = make("label", { class: "slider" }, ui.player);
  make("span", {}, speed, "Whole log in");
  ui.speed = make("input", { type: "range", min: "5", max: "300", value: "60", "aria-label": "Seconds for the whole log" }, speed);
  ui.speedSaid = make("output", {}, speed, "60 s");
  ui.sample = make("span", { class: "sample" }, ui.player);
  ui.legend = make("div", { class: "legend" }, root);
  return ui;
}

function reachable(ui, isThere) {
  for (const control of ui.bar.querySelectorAll("button, input, select")) control.disabled = !isThere;
}

const arrow = (one, names) => `${names.get(one.s)} → ${names.get(one.t)}`;

function tipOf(one, scene, names) {
  const rows = [one.s === undefined ? one.name : arrow(one, names)];
  if (one.type) rows.push(one.type);
  for (const overlay of scene.overlays) if (one.v[overlay.key] !== undefined) rows.push(`${overlay.title}: ${WORDS[overlay.unit](one.v[overlay.key])}`);
  return rows.join("\n");
}

// Redraws what the view shows; boxes and zoom stay.
function redraw(state) {
  const { scene, ui, view } = state;
  state.part = shownPart(scene, view);
  state.drawn = elements(scene, state.part, view, state.colours);
  const cy = state.cy;
  cy.batch(() => {
    cy.elements().remove();
    cy.add([...state.drawn.nodes, ...state.drawn.edges].map(({ at, ...one }) => one));
  });
  setLabels(cy, state.drawn);
  mark(state);
  ui.empty.hidden = state.part.nodes.some((node) => node.kind === "activity");
  ui.says.textContent = honesty(scene, state.part);
  ui.activitiesSaid.textContent = `${state.part.activities} of ${state.part.allActivities}`;
  ui.pathsSaid.textContent = `${view.paths} %`;
  ui.graph.setAttribute("aria-label", `${state.data.title}. ${ui.says.textContent} Arrow keys go along the paths, Enter opens what can be done.`);
  legend(state);
  state.replay.measure();
  state.replay.draw();
}

// Lowest and highest value of the legend; a comparison's colours reach as far below zero as above.
function spanOf(values, overlay) {
  if (!values.length || overlay.scale !== "diverging") return [...values].sort((a, b) => a - b);
  const most = Math.max(...values.map((value) => (overlay.unit === "ratio" ? Math.max(value, 1 / value) : Math.abs(value))));
  return overlay.unit === "ratio" ? [1 / most, most] : [-most, most];
}

// A slider tells of every step on its way; of those within one frame only the last is drawn.
function redrawSoon(state) {
  state.isDue ??= requestAnimationFrame(() => { state.isDue = undefined; redraw(state); });
}

function legend(state) {
  const { ui, drawn, scene, view, colours } = state;
  ui.legend.textContent = "";
  for (const type of scene.types ?? []) {
    const label = make("label", { class: "type" }, ui.legend);
    const box = make("input", { type: "checkbox", checked: !view.hidden.has(type.name) }, label);
    make("i", { style: `background:${type.colour}` }, label);
    make("span", {}, label, type.name);
    box.onchange = () => { box.checked ? view.hidden.delete(type.name) : view.hidden.add(type.name); redraw(state); };
  }
  const { overlay, lineRamp } = drawn;
  const values = spanOf(drawn.legend, overlay);
  if (values.length && !scene.types) {
    const ramp = drawn.isFill ? (overlay.scale === "diverging" ? colours.fillDiverging : colours.heat) : lineRamp;
    make("span", {}, ui.legend, `${overlay.title}:`);
    make("span", { class: "low" }, ui.legend, WORDS[overlay.unit](values[0]));
    const scale = make("i", { class: "scale", role: "img", "aria-label": `${overlay.title}, colours from low to high` }, ui.legend);
    scale.style.background = `linear-gradient(90deg, ${ramp.join(",")})`;
    make("span", { class: "high" }, ui.legend, WORDS[overlay.unit](values[values.length - 1]));
  } else if (!values.length) make("span", {}, ui.legend, `${overlay.title}: nothing of it in this view.`);
  if (overlay.help) make("span", {}, ui.legend, overlay.help);
  make("span", {}, ui.legend, "Width of a path: how often it is taken.");
}

function wire(state) {
  const { ui, view } = state;
  const tell = () => { state.isSliding = false; state.send("view", { shown: view.shown, paths: view.paths, overlay: view.overlay }); };
  ui.activities.oninput = () => { state.isSliding = true; view.shown = Number(ui.activities.value); redrawSoon(state); };
  ui.paths.oninput = () => { view.paths = Number(ui.paths.value); redrawSoon(state); };
  ui.overlay.onchange = () => { view.overlay = ui.overlay.value; redraw(state); tell(); };
  ui.activities.onchange = ui.paths.onchange = tell;
  ui.closer.onclick = () => zoomBy(state.cy, 1.3);
  ui.wider.onclick = () => zoomBy(state.cy, 1 / 1.3);
  ui.fit.onclick = () => fit(state, true);
  ui.svg.onclick = () => save(svgOf(state.cy, state.drawn, state.colours), `${state.data.name}.svg`);
  ui.png.onclick = async () => save(await pngOf(state.cy, state.colours), `${state.data.name}.png`);
  ui.replay.onclick = () => {
    const isOn = ui.player.hidden;
    ui.player.hidden = !isOn;
    state.isWanted = isOn;
    if (!isOn) { state.replay.play(false); ui.tokens.getContext("2d").clearRect(0, 0, 1e5, 1e5); }
    else if (state.replay.state.tokens) state.replay.play(true);
    else ui.sample.textContent = "Fetching the cases …";
    state.send("replay", isOn);
  };
  reachable(ui, true);
  ui.play.onclick = () => state.replay.play(!state.replay.state.isPlaying);
  ui.scrub.oninput = () => state.replay.seek(Number(ui.scrub.value) / 1000);
  ui.speed.oninput = () => { state.replay.state.seconds = Number(ui.speed.value); ui.speedSaid.textContent = `${ui.speed.value} s`; };
  state.replay.state.onTime = () => {
    const { tokens, now, isPlaying, active } = state.replay.state;
    if (!tokens) return;
    ui.play.textContent = isPlaying ? "❚❚" : "▶";
    ui.play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    ui.scrub.value = String(Math.round((1000 * now) / Math.max(1, tokens.last)));
    ui.moment.textContent = new Date((tokens.since + now) * 1000).toISOString().slice(0, 16).replace("T", " ");
    ui.sample.dataset.active = String(active);
  };
}

function useTokens(state) {
  const { tokens } = state.data;
  if (!tokens || state.tokensOf === state.data.tokens_id) return;
  state.tokensOf = state.data.tokens_id;
  if (!tokens.paths) { state.ui.sample.textContent = "No move in this view takes any time."; return; }
  state.replay.use(tokens, state.scene);
  state.replay.measure();
  const token = tokens.span_seconds === null ? "a token is a case between two events" : `a token is all cases that set out on a path within ${duration(tokens.span_seconds)} and take about as long, the larger the more`;
  state.ui.sample.textContent = `Showing all ${whole(tokens.cases)} cases; ${token}. Paths that are not drawn have none.`;
  if (state.isWanted) state.replay.play(true);
}

function begin(root, component) {
  const ui = controls(root);
  const state = { ui, chosen: null, view: { hidden: new Set() }, heard: component };
  state.send = (key, value) => state.heard.setStateValue(key, value);
  state.trigger = (key, value) => state.heard.setTriggerValue(key, value);
  state.replay = replayer(ui.tokens, () => state.cy);
  return state;
}

function take(state, data) {
  const { ui, view } = state;
  const isNew = state.sceneId === undefined;
  const isOther = state.data?.name !== data.name;
  if (isNew || isOther) Object.assign(view, data.view, { hidden: new Set() });
  Object.assign(state, { data, scene: data.scene, sceneId: data.scene_id, names: new Map(data.scene.nodes.map((node) => [node.id, node.name])) });
  const activities = data.scene.nodes.filter((node) => node.kind === "activity").length;
  if (!state.isSliding) view.shown = data.scene.shown; // what the server made of it: a filter may leave fewer, and give them back
  if (!data.scene.overlays.some((one) => one.key === view.overlay)) view.overlay = data.scene.overlays[0].key;
  ui.activities.max = String(Math.max(1, activities));
  ui.activities.value = String(view.shown);
  ui.activities.parentElement.hidden = Boolean(data.scene.types);
  ui.paths.value = String(view.paths);
  ui.replay.hidden = !data.can_replay;
  ui.overlay.textContent = "";
  for (const one of data.scene.overlays) make("option", { value: one.key, selected: one.key === view.overlay }, ui.overlay, one.title);
  state.tokensOf = undefined;
  state.replay.state.tokens = null;
  return isNew || isOther;
}

async function show(root, component, state) {
  const { data } = component;
  let cytoscape;
  try {
    cytoscape = await library(data.library);
  } catch {
    state.ui.says.textContent = `The map's drawing library did not come from ${data.library}. Serve the pages by apps/streamlit/app.py.`;
    return;
  }
  const colours = palette(root);
  const isOther = state.sceneId !== data.scene_id || state.colours !== colours;
  root.style.setProperty("--paper", colours.paper);
  root.classList.toggle("dark", colours === DARK);
  state.colours = colours;
  state.replay.state.colours = colours;
  if (!state.cy) {
    const font = getComputedStyle(root).fontFamily || "sans-serif";
    state.cy = cytoscape({ container: state.ui.graph, elements: [], style: looks(colours, font), minZoom: 0.02, maxZoom: 3, autoungrabify: true, autounselectify: true, boxSelectionEnabled: false, layout: { name: "preset" }, textureOnViewport: data.scene.edges.length > 1500 });
    state.font = font;
    listen(state);
    keyboard(state);
    wire(state);
    new ResizeObserver(() => { state.cy.resize(); state.replay.draw(); }).observe(state.ui.stage);
  } else if (isOther) state.cy.style(looks(colours, state.font));
  if (isOther) {
    const isFirst = take(state, data);
    redraw(state);
    if (isFirst || isOutOfSight(state.cy)) fit(state, false);
  }
  state.data = data;
  useTokens(state);
}

export default function (component) {
  if (!component.data?.scene) return; // mounted before its data has come
  const root = component.parentElement.querySelector(".explorer");
  root.style.height = `${component.data.height_px}px`;
  const state = STATES.get(component.parentElement) ?? begin(root, component);
  STATES.set(component.parentElement, state);
  state.heard = component;
  show(root, component, state);
}
