// Shows a picture, zooms and moves it, saves it as SVG or PNG.
const STATES = new WeakMap();

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 2000);
}

function place(state) {
  state.image.style.transform = `translate(${state.x}px,${state.y}px) scale(${state.scale})`;
}

function fit(state, isWhole) {
  const { root, image } = state;
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const fitting = Math.min((root.clientWidth - 40) / width, (root.clientHeight - 40) / height, 1.2);
  state.scale = isWhole || fitting > 0.6 ? fitting : Math.min(0.85, (root.clientHeight - 40) / height);
  state.x = Math.max(20, (root.clientWidth - width * state.scale) / 2);
  state.y = Math.max(20, (root.clientHeight - height * state.scale) / 2);
  place(state);
}

function zoom(state, factor, x, y) {
  const scale = Math.min(4, Math.max(0.02, state.scale * factor));
  state.x = x - ((x - state.x) * scale) / state.scale;
  state.y = y - ((y - state.y) * scale) / state.scale;
  state.scale = scale;
  place(state);
}

function savePng(state, name) {
  const { image } = state;
  const sharp = Math.min(2, 12000 / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.naturalWidth * sharp, height: image.naturalHeight * sharp });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => save(blob, `${name}.png`));
}

function begin(root) {
  const image = document.createElement("img");
  image.draggable = false;
  root.appendChild(image);
  const state = { root, image, scale: 1, x: 0, y: 0 };
  const bar = root.appendChild(document.createElement("div"));
  bar.className = "tools";
  const middle = (factor) => () => zoom(state, factor, root.clientWidth / 2, root.clientHeight / 2);
  const buttons = [["+", "Zoom in", middle(1.3)], ["−", "Zoom out", middle(1 / 1.3)], ["Fit", "Show the whole model", () => fit(state, true)],
    ["PNG", "Save the model as PNG", () => savePng(state, state.name)], ["SVG", "Save the model as SVG", () => save(new Blob([state.svg], { type: "image/svg+xml" }), `${state.name}.svg`)]];
  for (const [word, title, act] of buttons) {
    const button = bar.appendChild(document.createElement("button"));
    Object.assign(button, { type: "button", textContent: word, title, onclick: act });
    button.setAttribute("aria-label", title);
  }
  root.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = root.getBoundingClientRect();
    zoom(state, Math.exp(-event.deltaY * 0.0012), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  root.addEventListener("pointerdown", (event) => { if (event.target === image || event.target === root) { state.drag = [event.clientX - state.x, event.clientY - state.y]; root.setPointerCapture(event.pointerId); } });
  root.addEventListener("pointermove", (event) => { if (state.drag) { [state.x, state.y] = [event.clientX - state.drag[0], event.clientY - state.drag[1]]; place(state); } });
  for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => { state.drag = null; });
  const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  root.addEventListener("keydown", (event) => {
    if (steps[event.key]) { state.x += steps[event.key][0]; state.y += steps[event.key][1]; place(state); }
    else if (event.key === "+") middle(1.3)();
    else if (event.key === "-") middle(1 / 1.3)();
    else if (event.key === "0") fit(state, true);
    else return;
    event.preventDefault();
  });
  return state;
}

export default function ({ data, parentElement }) {
  if (!data?.svg) return; // mounted before its data has come
  const root = parentElement.querySelector(".diagram");
  root.style.height = `${data.height_px}px`;
  root.setAttribute("aria-label", `${data.title}. Arrow keys move it, plus and minus zoom.`);
  const state = STATES.get(parentElement) ?? begin(root);
  STATES.set(parentElement, state);
  if (state.svg === data.svg) return;
  Object.assign(state, { svg: data.svg, name: data.name });
  state.image.alt = data.title;
  state.image.onload = () => fit(state, false);
  state.image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(data.svg)}`;
}
