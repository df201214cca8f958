// What of a scene is shown: which boxes and paths, and where they stand when most of a large process is hidden.
const COMPACT_FROM = 40; // activities; a smaller map never moves a box

function shownPart(scene, view) {
  const activities = scene.nodes.filter((node) => node.kind === "activity");
  const boxes = new Set(activities.slice(0, view.shown).map((node) => node.id));
  for (const node of scene.nodes) if (node.kind !== "activity") boxes.add(node.id);
  const types = new Set((scene.types ?? []).filter((type) => !view.hidden.has(type.name)).map((type) => type.name));
  const within = scene.edges.filter((edge) => boxes.has(edge.s) && boxes.has(edge.t) && (!edge.type || types.has(edge.type)));
  const isExact = view.shown === scene.shown && !scene.types;
  const number = Math.max(isExact ? scene.least : 1, Math.round((view.paths / 100) * within.length));
  const edges = within.slice(0, number);
  const touched = new Set(edges.flatMap((edge) => [edge.s, edge.t]));
  const nodes = scene.nodes.filter((node) => (node.kind === "activity" && !scene.types ? boxes.has(node.id) : touched.has(node.id)));
  const covered = isExact ? scene.covered.reduce((sum, [needed, cases]) => sum + (needed <= edges.length ? cases : 0), 0) : null;
  const sum = (list) => list.reduce((total, one) => total + one.n, 0);
  return {
    nodes, edges, covered, isExact, allPaths: within.length, activities: nodes.filter((node) => node.kind === "activity").length,
    allActivities: activities.length, events: sum(nodes.filter((node) => node.kind === "activity")) / Math.max(1, sum(activities)),
    steps: sum(edges) / Math.max(1, sum(within)),
  };
}

// The line that says what the view leaves out.
function honesty(scene, part) {
  if (scene.types) return `${part.activities} of ${whole(part.allActivities)} activities and ${part.edges.length} of ${whole(part.allPaths)} paths of ${scene.types.length} types of objects: ${share(part.steps)} of the steps.`;
  const cases = part.covered === null ? "counting the cases that" : `${share(scene.cases ? part.covered / scene.cases : 0)} of ${whole(scene.cases)} cases`;
  return `${part.activities} of ${whole(part.allActivities)} activities and ${part.edges.length} of ${whole(part.allPaths)} paths: ${share(part.events)} of events, ${share(part.steps)} of steps; ${cases} run wholly within this view.`;
}

// Squeezes the empty strips between shown boxes: order and neighbourhood stay, room that hidden boxes left does not.
function squeeze(spans, most) {
  const merged = [];
  for (const [low, high] of spans.sort((a, b) => a[0] - b[0])) {
    const last = merged[merged.length - 1];
    if (last && low <= last[1]) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  const knots = [];
  let at = 0;
  merged.forEach(([low, high], i) => {
    if (i) at += Math.min(most, low - merged[i - 1][1]);
    knots.push([low, at], [high, (at += high - low)]);
  });
  return (value) => {
    if (!knots.length) return value;
    const after = knots.findIndex(([from]) => from >= value);
    if (after < 0) return knots[knots.length - 1][1] + Math.min(most, value - knots[knots.length - 1][0]);
    if (after === 0) return knots[0][1] - Math.min(most, knots[0][0] - value);
    const [[a, b], [c, d]] = [knots[after - 1], knots[after]];
    return c === a ? b : b + ((value - a) / (c - a)) * (d - b);
  };
}

function placement(scene, part) {
  if (scene.nodes.length < COMPACT_FROM || part.nodes.length === scene.nodes.length) return { x: (value) => value, y: (value) => value };
  return {
    x: squeeze(part.nodes.map((node) => [node.x - node.w / 2 - 14, node.x + node.w / 2 + 14]), 60),
    y: squeeze(part.nodes.map((node) => [node.y - node.h / 2 - 16, node.y + node.h / 2 + 16]), 56),
  };
}

const pathId = (edge) => [edge.type ?? "", edge.s, edge.t].join("\x1f");

// Where a path goes sideways between two rows it leaves the one and enters the other upright; straight pieces need no points.
function upright(points) {
  const found = [points[0]];
  points.slice(1).forEach(([x, y], i) => {
    const [beforeX, beforeY] = points[i];
    const isBend = Math.abs(x - beforeX) > 1;
    if (isBend) found.push([beforeX, (y + beforeY) / 2], [x, (y + beforeY) / 2]);
    const next = points[i + 2];
    if (!next || isBend || Math.abs(next[0] - x) > 1) found.push([x, y]);
  });
  return found;
}

// How the library is told to bend an edge: its route's points as controls, measured from the line between its ends.
function bends(edge, ends, map) {
  const route = edge.route;
  if (!route || edge.twin) return null;
  const [source, target] = ends;
  const points = [];
  for (let i = 0; i < route.length; i += 2) points.push([map.x(route[i]), map.y(route[i + 1])]);
  points[0] = [map.x(source.x) + route[0] - source.x, map.y(source.y) + route[1] - source.y];
  points[points.length - 1] = [map.x(target.x) + route[route.length - 2] - target.x, map.y(target.y) + route[route.length - 1] - target.y];
  const [ax, ay] = points[0];
  const [bx, by] = points[points.length - 1];
  const [dx, dy] = [bx - ax, by - ay];
  const length = Math.hypot(dx, dy) || 1;
  const inner = upright(points).slice(1, -1);
  return {
    from: `${ax - map.x(source.x)}px ${ay - map.y(source.y)}px`, to: `${bx - map.x(target.x)}px ${by - map.y(target.y)}px`,
    weights: inner.map(([x, y]) => ((x - ax) * dx + (y - ay) * dy) / length ** 2),
    distances: inner.map(([x, y]) => ((x - ax) * -dy + (y - ay) * dx) / length),
  };
}
