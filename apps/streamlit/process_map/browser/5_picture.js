// Saving the map as it stands, whole: as SVG from the same geometry, and as PNG by the library.
const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes, parent, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}

const near = (value) => Math.round(value * 10) / 10;

function svgOf(cy, drawn, colours) {
  const box = cy.elements().boundingBox();
  const svg = document.createElementNS(SVG, "svg");
  const [width, height] = [near(box.w + 60), near(box.h + 60)];
  for (const [key, value] of Object.entries({ xmlns: SVG, width, height, viewBox: `${near(box.x1 - 30)} ${near(box.y1 - 30)} ${width} ${height}`, "font-family": "sans-serif" })) svg.setAttribute(key, value);
  shape("rect", { x: near(box.x1 - 30), y: near(box.y1 - 30), width, height, fill: colours.paper }, svg);
  for (const edge of drawn.edges) {
    const element = cy.getElementById(edge.data.id);
    const corners = spline(element);
    let path = `M${near(corners[0].x)},${near(corners[0].y)}`;
    for (let i = 1; i + 1 < corners.length; i += 2) path += ` Q${near(corners[i].x)},${near(corners[i].y)} ${near(corners[i + 1].x)},${near(corners[i + 1].y)}`;
    const { colour, width: thick } = edge.data;
    shape("path", { d: path, fill: "none", stroke: colour, "stroke-width": near(thick), ...(edge.classes.includes("ending") ? { "stroke-dasharray": "5 4" } : {}) }, svg);
    const [tip, before] = [corners[corners.length - 1], corners[corners.length - 2]];
    const length = Math.hypot(tip.x - before.x, tip.y - before.y) || 1;
    const [ux, uy, size] = [(tip.x - before.x) / length, (tip.y - before.y) / length, 5 + thick];
    const wing = (side) => `${near(tip.x - size * ux - side * size * 0.55 * uy)},${near(tip.y - size * uy + side * size * 0.55 * ux)}`;
    shape("polygon", { points: `${near(tip.x)},${near(tip.y)} ${wing(1)} ${wing(-1)}`, fill: colour }, svg);
  }
  for (const edge of drawn.edges) {
    if (!edge.data.words) continue;
    const at = edge.at ?? cy.getElementById(edge.data.id).midpoint();
    if (edge.classes.includes("typed")) {
      const w = edge.data.words.length * LETTER + 6;
      shape("rect", { x: near(at.x - w / 2), y: near(at.y - 10), width: near(w), height: 20, rx: 4, fill: colours.paper, stroke: edge.data.colour }, svg);
    }
    shape("text", { x: near(at.x), y: near(at.y), "font-size": 13, "text-anchor": "middle", "dominant-baseline": "central", fill: colours.ink, stroke: colours.paper, "stroke-width": 4, "paint-order": "stroke" }, svg, edge.data.words);
  }
  for (const node of drawn.nodes) {
    const { x, y } = node.position;
    const { w, h, fill, ink, words } = node.data;
    if (node.classes !== "activity") {
      shape("circle", { cx: near(x), cy: near(y), r: 15, fill }, svg);
      shape("text", { x: near(x + 22), y: near(y), "font-size": 13, "dominant-baseline": "central", fill: colours.quiet }, svg, words);
      continue;
    }
    shape("rect", { x: near(x - w / 2), y: near(y - h / 2), width: w, height: h, rx: 7, fill, stroke: colours.rim }, svg);
    const rows = words.split("\n");
    rows.forEach((row, i) => shape("text", { x: near(x), y: near(y + (i - (rows.length - 1) / 2) * 17), "font-size": 14, "font-weight": 600, "text-anchor": "middle", "dominant-baseline": "central", fill: ink }, svg, row));
  }
  return new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
}

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 2000);
}

const pngOf = (cy, colours) => cy.png({ output: "blob", full: true, scale: 2, maxWidth: 12000, maxHeight: 12000, bg: colours.paper });
