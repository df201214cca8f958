// Numbers as people read them, and colours. The files of this folder are one module: they are joined in the order of their names.
const UNITS = [[365.25 * 86400, "y", 2], [86400, "d", 1], [3600, "h", 1], [60, "min", 1], [1, "s", 1]];
const whole = (value) => Math.round(value).toLocaleString("en-US");
const short = (value) => (Math.abs(value) >= 1000 ? whole(value) : Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 1 ? value.toFixed(1) : value.toFixed(2));

function duration(seconds) {
  if (Math.abs(seconds) < 1) return seconds === 0 ? "0 s" : `${(seconds * 1000).toFixed(0)} ms`;
  const [size, unit] = UNITS.find(([size, , least]) => Math.abs(seconds) >= size * least);
  return `${short(seconds / size)} ${unit}`;
}

// Never rounded up to 100 % nor down to 0 % when it is not.
function share(part) {
  const words = (part * 100).toFixed(1);
  if (part < 1 && Number(words) === 100) return "> 99.9 %";
  if (part > 0 && Number(words) === 0) return "< 0.1 %";
  return `${words.replace(/\.0$/, "")} %`;
}

const WORDS = {
  count: whole,
  time: duration,
  share,
  money: (value) => (Math.abs(value) >= 1e6 ? `${short(value / 1e6)} M` : Math.abs(value) >= 1e5 ? `${short(value / 1e3)} k` : whole(value)),
  points: (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value * 100).toFixed(1)} pp`,
  ratio: (value) => `× ${short(value)}`,
};

// Ramps from little to much; those of a comparison from purple over grey to orange, which all kinds of colour vision tell apart.
const LIGHT = {
  paper: "#fffdf7", ink: "#1e2430", quiet: "#5f594d", mark: "#8c2b22", line: "#a79d88", start: "#3f6b4b", end: "#171b26", rim: "#3d4658",
  amount: ["#aab6c1", "#8aa0b4", "#6689a8", "#45719a", "#274b6d"], time: ["#9aa3ad", "#b7a37a", "#c98f45", "#b9602f", "#9a3324", "#6d1420"],
  diverging: ["#4b2a8a", "#8269b5", "#aaa49a", "#d6863a", "#a24a00"], token: "#c2410c",
  fill: ["#fdfaf2", "#e6ebef", "#c6d3de", "#9db5c8", "#6c8fac", "#3f6a8f", "#274b6d"], heat: ["#fdfaf2", "#f6e3cd", "#efc49c", "#dd9163", "#c0603d", "#8f2a20"],
  fillDiverging: ["#8269b5", "#cfc5e6", "#fdfaf2", "#f6d3ad", "#d6863a"],
};
const DARK = {
  paper: "#14171f", ink: "#ece5d5", quiet: "#b3ab9b", mark: "#ff9d7e", line: "#7d7f86", start: "#6fb583", end: "#d9d2c2", rim: "#8a93a5",
  amount: ["#4c5a6a", "#587390", "#6a92ba", "#84b1e0", "#aed2fa"], time: ["#727b88", "#9a8b66", "#c4934f", "#e08a52", "#f57f5f", "#ffa3a3"],
  diverging: ["#b9a2f2", "#8d7cc0", "#7d7f86", "#d38f4a", "#ffb765"], token: "#ffd166",
  fill: ["#1e2430", "#26313f", "#2d4055", "#34506c", "#3e6487", "#4d7ca6", "#6699c7"], heat: ["#1e2430", "#3a2f2e", "#5c3f33", "#85503a", "#b06142", "#df7c55"],
  fillDiverging: ["#6d5aa6", "#3d3659", "#1e2430", "#54402a", "#a8692b"],
};

function luminance(colour) {
  const parts = colour.startsWith("#") ? [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)) : (colour.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) / 255;
}

const palette = (root) => (luminance(getComputedStyle(root).getPropertyValue("--st-background-color").trim() || "#ffffff") < 0.4 ? DARK : LIGHT);
const inkOn = (fill) => (luminance(fill) < 0.5 ? "#fffdf7" : "#1e2430");

// Colour by rank among the shown values, so that what is much stands out whatever the unit; in a comparison by size about zero.
function painter(values, overlay, ramp) {
  if (overlay.scale === "diverging") {
    const size = (value) => (overlay.unit === "ratio" ? Math.log2(value) : value);
    const most = Math.max(1e-9, ...values.map((value) => Math.abs(size(value))));
    return (value) => ramp[Math.round(((Math.max(-1, Math.min(1, size(value) / most)) + 1) / 2) * (ramp.length - 1))];
  }
  const ordered = [...values].sort((a, b) => a - b);
  const below = (value, also) => { let [low, high] = [0, ordered.length]; while (low < high) { const middle = (low + high) >> 1; if (ordered[middle] < value || (also && ordered[middle] === value)) low = middle + 1; else high = middle; } return low; };
  return (value) => ramp[Math.min(ramp.length - 1, Math.floor(((below(value, false) + below(value, true)) / 2 / ordered.length) * ramp.length))];
}

function make(tag, attributes = {}, parent = null, text = undefined) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) key in element && typeof value !== "string" ? (element[key] = value) : element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}
