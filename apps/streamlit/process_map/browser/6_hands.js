// What hands do to the map: hover, click and its menu, zoom, and the keyboard.
function mark(state) {
  const { cy, chosen } = state;
  cy.elements().removeClass("chosen faded");
  const element = chosen && cy.getElementById(chosen.id);
  if (!element || element.empty()) return;
  cy.elements().not(element.closedNeighborhood().union(element.connectedNodes?.() ?? [])).addClass("faded");
  element.addClass("chosen").removeClass("faded");
}

function choose(state, element) {
  state.chosen = element ? { id: element.id(), ...about(element) } : null;
  mark(state);
  closeMenu(state);
  const said = state.chosen && (({ id, ...rest }) => rest)(state.chosen);
  state.send("selected", said);
}

function about(element) {
  if (element.isNode()) return { kind: element.hasClass("activity") ? "activity" : "end", activity: element.id() };
  const [type, source, target] = element.id().split(SEPARATOR);
  return { kind: "path", source, target, type };
}

function openMenu(state, element, at) {
  const { ui, data } = state;
  const part = about(element);
  ui.menu.textContent = "";
  if (part.kind === "end" || !data.actions.length) return;
  for (const [action, word, kinds] of data.actions) {
    if (!kinds.includes(part.kind)) continue;
    const item = make("button", { type: "button", role: "menuitem" }, ui.menu, word);
    item.onclick = () => { closeMenu(state); state.trigger("action", { action, ...part }); };
  }
  ui.menu.hidden = false;
  const box = ui.stage.getBoundingClientRect();
  ui.menu.style.left = `${Math.max(4, Math.min(at.x + 10, box.width - ui.menu.offsetWidth - 6))}px`;
  ui.menu.style.top = `${Math.max(4, Math.min(at.y + 10, box.height - ui.menu.offsetHeight - 6))}px`;
}

const closeMenu = (state) => { state.ui.menu.hidden = true; };

function listen(state) {
  const { cy, ui } = state;
  const byId = (id) => state.scene.nodes.find((node) => node.id === id) ?? state.scene.edges.find((edge) => pathId(edge) === id);
  cy.on("mousemove", "node, edge", (event) => {
    const one = byId(event.target.id());
    if (!one) return;
    ui.tip.textContent = tipOf(one, state.scene, state.names);
    ui.tip.classList.add("on");
    const box = ui.stage.getBoundingClientRect();
    ui.tip.style.left = `${Math.min(event.renderedPosition.x + 16, box.width - ui.tip.offsetWidth - 8)}px`;
    ui.tip.style.top = `${Math.min(event.renderedPosition.y + 16, box.height - ui.tip.offsetHeight - 8)}px`;
  });
  cy.on("mouseout", "node, edge", () => ui.tip.classList.remove("on"));
  cy.on("mouseover", "node, edge", () => { ui.graph.style.cursor = "pointer"; });
  cy.on("mouseout", "node, edge", () => { ui.graph.style.cursor = "grab"; });
  cy.on("tap", (event) => {
    ui.tip.classList.remove("on");
    if (event.target === cy) return state.chosen ? choose(state, null) : closeMenu(state);
    choose(state, event.target);
    openMenu(state, event.target, event.renderedPosition);
  });
  cy.on("viewport", () => { closeMenu(state); state.replay.draw(); });
}

const zoomBy = (cy, factor) => cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });

// The whole map if asked or if it stays legible; otherwise its beginning, as large as the width allows.
function fit(state, isWhole) {
  const { cy } = state;
  cy.fit(cy.elements(), 24);
  if (cy.zoom() > 1.15) { cy.zoom(1.15); cy.center(); }
  if (isWhole || cy.zoom() > 0.66) return;
  const box = cy.elements().boundingBox();
  cy.zoom(Math.min(0.9, Math.max(0.64, (cy.width() - 60) / box.w)));
  const start = cy.nodes(".start").nonempty() ? cy.nodes(".start").position() : { x: (box.x1 + box.x2) / 2 };
  const x = box.w * cy.zoom() < cy.width() ? (box.x1 + box.x2) / 2 : start.x;
  cy.pan({ x: cy.width() / 2 - x * cy.zoom(), y: 24 - box.y1 * cy.zoom() });
}

function isOutOfSight(cy) {
  const { x1, x2, y1, y2 } = cy.extent();
  return !cy.nodes(".activity").some((node) => { const { x, y } = node.position(); return x > x1 && x < x2 && y > y1 && y < y2; });
}

function walk(state, key) {
  const { cy } = state;
  const here = state.chosen && cy.getElementById(state.chosen.id);
  if (!here || here.empty()) return cy.nodes(".start").nonempty() ? cy.nodes(".start")[0] : cy.nodes()[0];
  const strongest = (edges) => edges.filter((edge) => !edge.isLoop()).max((edge) => edge.data("width")).ele;
  if (here.isEdge()) return key === "ArrowUp" ? here.source() : here.target();
  if (key === "ArrowDown") return strongest(here.outgoers("edge"));
  if (key === "ArrowUp") return strongest(here.incomers("edge"));
  const nodes = cy.nodes(".activity").toArray();
  const at = nodes.findIndex((node) => node.id() === here.id());
  return nodes[(at + (key === "ArrowRight" ? 1 : nodes.length - 1)) % nodes.length];
}

function keyboard(state) {
  const { ui } = state;
  ui.graph.addEventListener("keydown", (event) => {
    const { cy } = state;
    if (event.key.startsWith("Arrow")) {
      const next = walk(state, event.key);
      if (next) {
        choose(state, next);
        cy.center(next);
        const one = next.isNode() ? state.scene.nodes.find((node) => node.id === next.id()) : state.scene.edges.find((edge) => pathId(edge) === next.id());
        ui.heard.textContent = tipOf(one, state.scene, state.names).replaceAll("\n", ". ");
      }
    } else if ((event.key === "Enter" || event.key === " ") && state.chosen) {
      const element = cy.getElementById(state.chosen.id);
      const box = element.renderedBoundingBox();
      openMenu(state, element, { x: (box.x1 + box.x2) / 2, y: (box.y1 + box.y2) / 2 });
      ui.menu.querySelector("button")?.focus();
    } else if (event.key === "Escape") choose(state, null);
    else if (event.key === "+") zoomBy(cy, 1.3);
    else if (event.key === "-") zoomBy(cy, 1 / 1.3);
    else if (event.key === "0") fit(state, true);
    else return;
    event.preventDefault();
  });
  ui.menu.addEventListener("keydown", (event) => {
    const items = [...ui.menu.querySelectorAll("button")];
    const at = items.indexOf(ui.menu.getRootNode().activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") items[(at + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length].focus();
    else if (event.key === "Escape") { closeMenu(state); ui.graph.focus(); }
    else return;
    event.preventDefault();
  });
}
