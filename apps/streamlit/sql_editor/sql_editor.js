// The SQL editor's browser side: the lake's tables, CodeMirror and its buttons. Texts are set as text only.
function add(parent, name, kind, text) {
  const element = document.createElement(name);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}

const PLAIN = /^[a-z_][a-z0-9_]*$/;
const quoted = (name) => (PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`);
const full = (table) => `${quoted(table.schema)}.${quoted(table.table)}`;

function insert(state, words) {
  if (!state.view) return;
  state.view.dispatch(state.view.state.replaceSelection(words));
  state.view.focus();
}

function button(parent, kind, words, title, act) {
  const made = add(parent, "button", kind, words);
  made.type = "button";
  made.title = title;
  made.addEventListener("click", act);
  return made;
}

// One table: its name, which inserts it, and its columns, which are drawn when it is opened.
function table(parent, state, one) {
  const details = add(parent, "details", "table");
  const summary = add(details, "summary");
  add(summary, "span", "name", one.table);
  const columns = add(details, "div", "columns");
  button(columns, "whole", `Insert ${full(one)}`, "Insert the table's name", () => insert(state, full(one)));
  details.addEventListener("toggle", () => {
    if (!details.open || columns.childElementCount > 1) return;
    for (const column of one.columns) {
      const row = button(columns, "column", undefined, `Insert ${column.name}`, () => insert(state, quoted(column.name)));
      add(row, "span", "name", column.name);
      add(row, "span", "type", column.type);
      if (column.classification) add(row, "span", `class ${column.classification}`, column.classification);
    }
  });
  return details;
}

function tree(state, schema) {
  state.list.textContent = "";
  const wanted = state.find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (one) => {
    const words = [`${one.schema}.${one.table}`, ...one.columns.map((column) => column.name)].join(" ").toLowerCase();
    return wanted.every((word) => words.includes(word));
  };
  const found = schema.filter(matches);
  const groups = new Map();
  for (const one of found) groups.set(one.schema, [...(groups.get(one.schema) ?? []), one]);
  if (!found.length) add(state.list, "p", "none", schema.length ? "Nothing is called that." : "The lake holds no table yet.");
  for (const [name, tables] of groups) {
    const group = add(state.list, "details", "schema");
    const summary = add(group, "summary");
    add(summary, "span", "name", name);
    add(summary, "span", "count", tables.length);
    group.open = wanted.length > 0;
    const fill = () => {
      if (group.open && group.childElementCount === 1) for (const one of tables) table(group, state, one);
    };
    group.addEventListener("toggle", fill);
    fill();
  }
}

function completions(schema) {
  const found = {};
  for (const one of schema) {
    found[one.schema] ??= {};
    found[one.schema][one.table] = one.columns.map((column) => ({ label: column.name, type: "property", detail: column.type }));
  }
  return found;
}

// Columns of every table the statement names, wherever the cursor stands: `select` comes before `from`.
function columnsInUse(state) {
  return (context) => {
    const word = context.matchBefore(/\w*/);
    if (!word || (word.from === word.to && !context.explicit)) return null;
    if (context.state.sliceDoc(word.from - 1, word.from) === ".") return null;
    const text = context.state.doc.toString().toLowerCase().replaceAll('"', "");
    const named = state.schema.filter((one) => text.includes(`${one.schema}.${one.table}`.toLowerCase()));
    const seen = new Map();
    for (const one of named) for (const column of one.columns) seen.set(column.name, column.type);
    const options = [...seen].map(([label, detail]) => ({ label, detail, apply: quoted(label), type: "property", boost: 5 }));
    return options.length ? { from: word.from, options, validFor: /^\w*$/ } : null;
  };
}

function extensions(cm, state, wish) {
  const { tags: t } = cm;
  const language = cm.sql({ dialect: state.dialect, schema: completions(state.schema), upperCaseKeywords: false });
  const colours = cm.HighlightStyle.define([
    { tag: t.keyword, color: "var(--gr-accent)", fontWeight: "600" },
    { tag: [t.string, t.special(t.string)], color: "var(--gr-good)" },
    { tag: [t.number, t.bool, t.null], color: "var(--gr-warn)" },
    { tag: [t.lineComment, t.blockComment], color: "var(--gr-quiet)", fontStyle: "italic" },
    { tag: [t.typeName, t.standard(t.name)], color: "var(--gr-series-0)" },
  ]);
  const run = { key: "Mod-Enter", run: () => (wish("run"), true) };
  return [
    cm.Prec.highest(cm.keymap.of([run])),
    cm.lineNumbers(), cm.history(), cm.drawSelection(), cm.bracketMatching(), cm.closeBrackets(), cm.indentOnInput(),
    cm.autocompletion({ icons: false }), language, language.language.data.of({ autocomplete: columnsInUse(state) }),
    cm.syntaxHighlighting(colours), cm.EditorView.lineWrapping,
    cm.keymap.of([...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.historyKeymap, ...cm.completionKeymap]),
    cm.EditorView.contentAttributes.of({ "aria-label": "Statement" }),
  ];
}

function build(root, state) {
  const side = add(root, "aside", "side");
  state.find = add(side, "input");
  state.find.type = "search";
  state.find.placeholder = "Find a table or column";
  state.find.setAttribute("aria-label", "Find a table or column");
  state.list = add(side, "div", "list");
  state.list.tabIndex = 0;
  state.list.setAttribute("role", "region");
  state.list.setAttribute("aria-label", "Tables of the lake");
  const main = add(root, "div", "main");
  state.paper = add(main, "div", "paper");
  const bar = add(main, "div", "bar");
  button(bar, "primary", "Run", "Ctrl+Enter", () => state.wish("run"));
  button(bar, "", "Save …", "Keep this statement under a name", () => state.wish("save"));
  add(bar, "span", "hint", "Ctrl+Enter runs · Ctrl+Space completes · click a table or column to insert it");
  state.find.addEventListener("input", () => tree(state, state.schema));
}

async function start(root, state, data) {
  let cm;
  try {
    cm = await import(new URL(data.library, window.location.origin).href);
  } catch {
    state.paper.textContent = `The editor did not come from ${data.library}. Serve the pages by apps/streamlit/app.py.`;
    return;
  }
  state.dialect = cm.PostgreSQL;
  state.cm = cm;
  state.language = new cm.Compartment();
  const everything = () => state.language.of(extensions(cm, state, (action) => state.wish(action)));
  state.view = new cm.EditorView({
    parent: state.paper,
    root: root.getRootNode(),
    state: cm.EditorState.create({ doc: state.text, extensions: everything() }),
  });
}

const STATES = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".workbench");
  root.style.height = `${data.height_px}px`;
  let state = STATES.get(root);
  const isNew = !state;
  if (isNew) STATES.set(root, (state = {}));
  state.wish = (action) => setTriggerValue("wish", { action, text: state.view ? state.view.state.doc.toString() : "" });
  const shape = JSON.stringify(data.schema);
  const isOther = state.shape !== shape;
  Object.assign(state, { schema: data.schema, shape });
  if (isNew) {
    state.text = data.text;
    build(root, state);
    start(root, state, data);
  }
  if (isOther) {
    tree(state, data.schema);
    if (state.view) state.view.dispatch({ effects: state.language.reconfigure(extensions(state.cm, state, (action) => state.wish(action))) });
  }
  if (!isNew && state.text_id !== data.text_id) {
    state.text = data.text;
    if (state.view) state.view.dispatch({ changes: { from: 0, to: state.view.state.doc.length, insert: data.text } });
  }
  state.text_id = data.text_id;
}
