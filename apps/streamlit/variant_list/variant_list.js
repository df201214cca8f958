// The variant list's browser side. Texts are set as text only.
function add(parent, name, kind, text) {
  const element = document.createElement(name);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}

function head(root) {
  const row = add(root, "div", "row head");
  for (const [word, kind] of [["#", "rank"], ["Cases", ""], ["Covered", "hide"], ["Median", "hide"], ["Fitness", "hide"], ["Activities in order", ""]])
    add(row, "span", kind, word);
}

function draw(root, variant, widest) {
  const row = add(root, "div", "row");
  row.tabIndex = 0;
  row.setAttribute("role", "option");
  row.setAttribute("aria-label", `Variant ${variant.rank}, ${variant.cases} cases`);
  add(row, "span", "rank", variant.rank);
  const cases = add(row, "div", "cases");
  add(cases, "b", "", variant.cases);
  add(cases, "span", "", variant.share);
  add(add(cases, "div", "bar"), "i").style.width = `${Math.max(1.5, (100 * variant.part) / widest)}%`;
  add(row, "span", "num hide", variant.covered);
  add(row, "span", "num hide", variant.median);
  const kind = variant.fits === true ? "num hide fit" : variant.fits === false ? "num hide unfit" : "num hide";
  add(row, "span", kind, variant.fitness);
  const steps = add(row, "div", "steps");
  for (const step of variant.steps) {
    const chevron = add(steps, "span", "step", step.label);
    chevron.style.background = step.colour;
    chevron.title = step.name;
  }
  if (variant.more) add(steps, "span", "more", `+ ${variant.more} more`);
  return row;
}

const STATES = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".variants");
  root.style.height = `${data.height_px}px`;
  const shape = JSON.stringify(data.variants);
  const state = STATES.get(parentElement) ?? { chosen: [] };
  STATES.set(parentElement, state);
  if (state.shape === shape && root.childElementCount) return;
  if (state.shape !== undefined) state.chosen = [];
  state.shape = shape;
  root.textContent = "";
  head(root);
  const widest = Math.max(...data.variants.map((variant) => variant.part), 1e-9);
  const rows = new Map();
  for (const variant of data.variants) {
    const row = draw(root, variant, widest);
    rows.set(variant.rank, row);
    const show = (one, element) => {
      element.classList.toggle("chosen", state.chosen.includes(one));
      element.setAttribute("aria-selected", String(state.chosen.includes(one)));
    };
    const choose = () => {
      state.chosen = state.chosen.includes(variant.rank) ? state.chosen.filter((rank) => rank !== variant.rank) : [...state.chosen, variant.rank];
      show(variant.rank, row);
      setStateValue("selected", state.chosen);
    };
    row.addEventListener("click", choose);
    row.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); } });
    show(variant.rank, row);
  }
}
