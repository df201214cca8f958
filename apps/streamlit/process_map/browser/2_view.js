// What of a scene is shown, what is said of it, and how its paths run.
const TWIN_GAP = 13; // px between paths of several types of objects that run the same way

function shownPart(scene, view) {
  const activities = scene.nodes.filter((node) => node.kind === "activity");
  const boxes = new Set(activities.slice(0, view.shown).filter((node) => node.x !== undefined).map((node) => node.id));
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
function bends(edge, ends) {
  const route = edge.route;
  if (!route) return null;
  const [source, target] = ends;
  const points = [];
  const beside = TWIN_GAP * edge.twin;
  for (let i = 0; i < route.length; i += 2) points.push([route[i] + beside, route[i + 1]]);
  const [ax, ay] = points[0];
  const [bx, by] = points[points.length - 1];
  const [dx, dy] = [bx - ax, by - ay];
  const length = Math.hypot(dx, dy) || 1;
  const inner = upright(points).slice(1, -1);
  return {
    from: `${ax - source.x}px ${ay - source.y}px`, to: `${bx - target.x}px ${by - target.y}px`,
    weights: inner.map(([x, y]) => ((x - ax) * dx + (y - ay) * dy) / length ** 2),
    distances: inner.map(([x, y]) => ((x - ax) * -dy + (y - ay) * dx) / length),
  };
}
