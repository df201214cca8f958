// Drawing with the graph library: elements, their looks, and their geometry for replays and pictures.
const [LETTER, LABEL_HEIGHT] = [7.2, 22]; // px that the words of a path take: width of a letter, distance of two rows
function elements(scene, part, view, colours) {
  const overlay = scene.overlays.find((one) => one.key === view.overlay) ?? scene.overlays[0];
  const byId = new Map(scene.nodes.map((node) => [node.id, node]));
  const known = (list) => list.map((one) => one.v[overlay.key]).filter((value) => value !== undefined);
  const isAmount = overlay.key === "frequency" || overlay.key === "cases";
  const lineRamp = overlay.scale === "diverging" ? colours.diverging : isAmount ? colours.amount : colours.time;
  const fillRamp = overlay.scale === "diverging" ? colours.fillDiverging : isAmount || overlay.unit === "time" ? colours.fill : colours.heat;
  const lineOf = painter(known(part.edges), overlay, lineRamp);
  const boxes = part.nodes.filter((node) => node.kind === "activity");
  const byBox = known(boxes).length > 0;
  const fillOf = byBox ? painter(known(boxes), overlay, fillRamp) : painter(boxes.map((node) => node.n), { scale: "rank" }, colours.fill);
  const most = Math.max(1, ...part.edges.map((edge) => edge.n));
  const nodes = part.nodes.map((node) => {
    const value = byBox ? node.v[overlay.key] : node.n;
    const fill = node.kind !== "activity" ? colours[node.kind] : value === undefined ? colours.fill[0] : fillOf(value);
    const note = value === undefined ? "" : byBox ? WORDS[overlay.unit](value) : whole(value);
    return {
      group: "nodes", classes: node.kind, position: { x: node.x, y: node.y },
      data: { id: node.id, w: node.w, h: node.h, fill, ink: inkOn(fill), words: node.kind === "activity" ? [...node.lines, ...(note ? [note] : [])].join("\n") : node.name },
    };
  });
  const seen = new Map();
  for (const edge of part.edges) {
    const pair = [edge.s, edge.t].join("\x1f");
    edge.twin = seen.get(pair) ?? 0;
    seen.set(pair, edge.twin + 1);
  }
  const edges = part.edges.map((edge) => {
    const twins = seen.get([edge.s, edge.t].join("\x1f"));
    const value = edge.v[overlay.key];
    const bend = edge.s === edge.t ? null : bends(edge, [byId.get(edge.s), byId.get(edge.t)]);
    const isMark = edge.s === "\x02start" || edge.t === "\x03end";
    const colour = edge.colour ?? (value === undefined ? colours.line : lineOf(value));
    const data = {
      id: pathId(edge), source: edge.s, target: edge.t, colour, width: (isMark ? 1 : 1.3) + (isMark ? 2.5 : 7) * (edge.n / most) ** 0.6,
      words: value === undefined ? "" : WORDS[overlay.unit](value), bow: 46 + 26 * edge.twin, reach: (byId.get(edge.s).w / 2 + 62) / 1.4,
    };
    if (bend) Object.assign(data, { from: bend.from, to: bend.to, weights: bend.weights, distances: bend.distances });
    const shape = edge.s === edge.t ? "loop" : !bend ? "free" : bend.weights.length ? "routed" : "direct";
    return { group: "edges", classes: `${shape}${isMark ? " ending" : ""}${edge.colour ? " typed" : ""}`, data, at: edge.at && beside(edge, twins, data.words) };
  });
  return { nodes, edges, overlay, lineRamp, legend: known(part.edges).length ? known(part.edges) : known(boxes), isFill: !known(part.edges).length };
}

// Where the words of a path stand: on it, or where several run side by side the first one's to the left and the others' in a
// column to the right that begins above the row, so that neither these lines nor the words of the path beside cross them.
function beside({ at: [x, y], twin }, twins, words) {
  if (twins === 1) return { x, y };
  const half = words.length * LETTER / 2 + 9;
  return twin === 0 ? { x: x - half, y } : { x: x + TWIN_GAP * (twins - 1) + half, y: y - LABEL_HEIGHT * twin };
}

function looks(colours, font) {
  const edge = { width: "data(width)", "line-color": "data(colour)", "target-arrow-color": "data(colour)", "target-arrow-shape": "triangle", "arrow-scale": 0.9,
    label: "data(words)", "font-family": font, "font-size": 13, color: colours.ink, "text-outline-color": colours.paper, "text-outline-width": 3, "min-zoomed-font-size": 6, "overlay-opacity": 0 };
  return [
    { selector: "node", style: { shape: "round-rectangle", width: "data(w)", height: "data(h)", "background-color": "data(fill)", "border-width": 1.1, "border-color": colours.rim, label: "data(words)",
      color: "data(ink)", "font-family": font, "font-size": 14, "font-weight": 600, "text-valign": "center", "text-halign": "center", "text-wrap": "wrap", "text-max-width": 1000, "line-height": 1.22, "min-zoomed-font-size": 5, "overlay-opacity": 0 } },
    { selector: "node.start, node.end", style: { shape: "ellipse", width: 30, height: 30, "border-width": 0, color: colours.quiet, "font-weight": 400, "font-size": 13, "text-halign": "right", "text-margin-x": 7 } },
    { selector: "edge", style: edge },
    { selector: "edge.typed", style: { "text-background-color": colours.paper, "text-background-opacity": 1, "text-background-padding": 2, "text-background-shape": "round-rectangle",
      "text-border-color": "data(colour)", "text-border-width": 1.2, "text-border-opacity": 1, "text-outline-width": 0 } },
    { selector: "edge.ending", style: { "line-style": "dashed", "line-dash-pattern": [5, 4] } },
    { selector: "edge.routed", style: { "curve-style": "unbundled-bezier", "edge-distances": "endpoints", "control-point-weights": "data(weights)", "control-point-distances": "data(distances)", "source-endpoint": "data(from)", "target-endpoint": "data(to)" } },
    { selector: "edge.direct", style: { "curve-style": "straight", "source-endpoint": "data(from)", "target-endpoint": "data(to)" } },
    { selector: "edge.free", style: { "curve-style": "unbundled-bezier", "control-point-distances": "data(bow)", "control-point-weights": 0.5 } },
    { selector: "edge.loop", style: { "curve-style": "bezier", "loop-direction": "90deg", "loop-sweep": "40deg", "control-point-step-size": "data(reach)" } },
    { selector: ".faded", style: { opacity: 0.16 } },
    { selector: "node.chosen", style: { "border-color": colours.mark, "border-width": 3 } },
    { selector: "edge.chosen", style: { "line-color": colours.mark, "target-arrow-color": colours.mark, color: colours.mark, "font-weight": 700, "z-index": 9 } },
  ];
}

const MOST_PLACED_LABELS = 1500;

// Labels stand where the layout left room for them, not at the middle of the curve.
function setLabels(cy, drawn) {
  if (drawn.edges.length > MOST_PLACED_LABELS) return;
  for (const edge of drawn.edges) {
    if (!edge.at) continue;
    const element = cy.getElementById(edge.data.id);
    const middle = element.midpoint();
    if (middle && Number.isFinite(middle.x)) element.style({ "text-margin-x": edge.at.x - middle.x, "text-margin-y": edge.at.y - middle.y });
  }
}

// The corners of the quadratic spline an edge is drawn as: on, control, on, control, … on.
function spline(element) {
  const [from, to] = [element.sourceEndpoint(), element.targetEndpoint()];
  const controls = element.controlPoints() ?? [];
  const corners = [from];
  controls.forEach((point, i) => {
    const next = controls[i + 1];
    corners.push(point, next ? { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 } : to);
  });
  if (!controls.length) corners.push({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 }, to);
  return corners;
}

function sampled(element, steps = 8) {
  const corners = spline(element);
  const points = [corners[0]];
  for (let i = 0; i + 2 < corners.length; i += 2) {
    const [a, b, c] = corners.slice(i, i + 3);
    for (let k = 1; k <= steps; k++) {
      const [t, u] = [k / steps, 1 - k / steps];
      points.push({ x: u * u * a.x + 2 * u * t * b.x + t * t * c.x, y: u * u * a.y + 2 * u * t * b.y + t * t * c.y });
    }
  }
  const lengths = [0];
  for (let i = 1; i < points.length; i++) lengths.push(lengths[i - 1] + Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y));
  return { points, lengths, length: lengths[lengths.length - 1] };
}

function along(line, part) {
  const wanted = part * line.length;
  let i = 1;
  while (i < line.lengths.length - 1 && line.lengths[i] < wanted) i++;
  const [a, b] = [line.points[i - 1], line.points[i]];
  const t = (wanted - line.lengths[i - 1]) / (line.lengths[i] - line.lengths[i - 1] || 1);
  return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
}
