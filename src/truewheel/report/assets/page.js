"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const WHEEL = /^([^-]+)-([^-+]+)(?:\+([^-]+))?(?:-(\d[^-]*))?-([^\W\d][^-]*)-([^-]+)-([^-]+?)(?:-([^-]+))?\.whl$/;
const PARTS = ["distribution", "version", "local", "build", "python", "abi", "platform", "label"];
const ROW = 26;

// Every text goes in as text: nothing of the plan becomes markup.
function make(tag, attributes, ...children) {
  const node = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const find = (selector) => document.querySelector(selector);
const cells = data.cells.map(([pack, target, arch, python, channel, wheel, reason, copies, range]) =>
  ({ pack, target, arch, python, channel, wheel, reason, copies, range, id: `${pack}/${target}/${arch}/${python}` }));

function summary() {
  find("#project").textContent = data.project;
  find("#about").textContent = `${data.spec} · event ${data.event} · ${data.generator}`;
  const errors = data.problems.filter(([severity]) => severity === "error").length;
  const counted = (count) => `${count} wheel${count === 1 ? "" : "s"}`;
  const chips = [[counted(cells.length), ""], [`${data.graph.nodes.reduce((sum, node) => sum + node[2], 0)} jobs`, ""]];
  chips.push(errors ? [`refused: ${errors} problem${errors > 1 ? "s" : ""}`, "bad"] : [cells.length > 1 ? "all names unique" : "accepted", "good"]);
  for (const [name, active, refusals] of data.indexes) {
    const reasons = Object.keys(refusals);
    const verdict = reasons.length ? `refuses: ${reasons.join(", ")}` : "accepts";
    chips.push([`${name} ${verdict}${active ? "" : " (not published to)"}`, active ? (reasons.length ? "bad" : "good") : ""]);
  }
  for (const [file, inside] of data.archives) chips.push([`${file} of ${counted(inside)}`, ""]);
  find("#summary").append(...chips.map(([text, kind]) => make("li", { class: kind }, text)));
}

function problems() {
  if (!data.problems.length) return;
  find("#problems").hidden = false;
  find("#problems ol").append(...data.problems.map(([severity, place, message, hint]) => make("li", { class: severity },
    make("div", { class: "place" }, `${place} ${severity}`), message, ...(hint ? [make("div", { class: "hint" }, hint)] : []))));
}

function matrix() {
  const unique = (values) => [...new Set(values)];
  const arches = unique(cells.map((cell) => cell.arch));
  const pythons = new Map(arches.map((arch) =>
    [arch, unique(cells.filter((cell) => cell.arch === arch).map((cell) => cell.python)).sort(byNumber)]));
  const places = new Map(cells.map((cell, number) => [cell.id, number]));
  const table = find("#matrix table");
  const upper = make("tr", {}, make("th", { rowspan: 2 }, "package / target"));
  const lower = make("tr");
  for (const arch of arches) {
    upper.append(make("th", { colspan: pythons.get(arch).length, class: "first" }, arch));
    pythons.get(arch).forEach((python, at) => lower.append(make("th", at ? {} : { class: "first" }, python)));
  }
  const body = make("tbody");
  let before = "";
  for (const row of unique(cells.map((cell) => `${cell.pack}/${cell.target}`))) {
    const [pack, target] = row.split("/");
    const line = make("tr", pack === before ? {} : { class: "package" }, make("th", {}, make("b", {}, pack), ` ${target}`));
    before = pack;
    for (const arch of arches) pythons.get(arch).forEach((python, at) => {
      const slot = make("td", at ? {} : { class: "first" });
      const number = places.get(`${row}/${arch}/${python}`);
      if (number !== undefined) {
        const cell = cells[number];
        slot.append(make("button", { "data-cell": number, "aria-label": cell.id, tabindex: number ? -1 : 0,
          class: cell.range ? "audited" : "" }));
      }
      line.append(slot);
    });
    body.append(line);
  }
  table.append(make("thead", {}, upper, lower), body);
  const told = (event) => {
    const cell = cells[event.target.dataset.cell];
    if (cell) tell(event.target, `${cell.id}\nchannel ${cell.channel}\n${cell.wheel}${cell.range ? "\naudited: or a lower floor" : ""}`);
  };
  for (const event of ["mouseover", "focusin"]) table.addEventListener(event, told);
  for (const event of ["mouseout", "focusout"]) table.addEventListener(event, hush);
  table.addEventListener("click", (event) => {
    const cell = cells[event.target.dataset.cell];
    if (cell) show(cell.id);
  });
  table.addEventListener("keydown", move);
}

// Tab stops at one cell alone: the arrow keys lead from there to the others.
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
function move(event) {
  const arrow = ARROWS[event.key];
  const slot = event.target.closest("td");
  if (!arrow || !slot) return;
  event.preventDefault();
  const rows = slot.closest("tbody").rows;
  let [row, column] = [slot.parentNode.sectionRowIndex, slot.cellIndex];
  for (let next = slot; next; next = rows[row]?.cells[column]) {
    const button = next !== slot && next.querySelector("button");
    if (button) {
      event.target.tabIndex = -1;
      button.tabIndex = 0;
      return button.focus();
    }
    [row, column] = [row + arrow[0], column + arrow[1]];
  }
}
const byNumber = (one, two) => parseInt(one.slice(3)) - parseInt(two.slice(3)) || (one < two ? -1 : 1);

const rows = cells.flatMap((cell) => [{ cell, name: cell.wheel, index: "" },
  ...cell.copies.map(([index, name]) => ({ cell, name, index }))]);
let shown = rows;

function show(text) {
  find("#names input").value = text;
  filter();
  find("#names").scrollIntoView({ block: "start" });
}

function filter() {
  const words = find("#names input").value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = rows.filter(({ cell, name, index }) => {
    const text = `${cell.id} ${name} ${index} ${cell.channel}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  find("#names output").textContent = `${shown.length} of ${rows.length}`;
  find("#names .list").scrollTop = 0;
  draw();
}

// Of ten thousand rows only those that can be seen are there.
function draw() {
  const list = find("#names .list");
  const space = list.querySelector(".space");
  space.style.height = `${shown.length * ROW}px`;
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  const count = Math.ceil((list.clientHeight || innerHeight) / ROW) + 10;
  space.replaceChildren(...shown.slice(first, first + count).map((row, at) => line(row, first + at)));
}

function line({ cell, name, index }, at) {
  const node = make("div", { class: index ? "row copy" : "row", role: "listitem" });
  node.style.top = `${at * ROW}px`;
  node.append(make("span", { class: "id" }, index ? `for ${index}` : cell.id), wheel(cell, name));
  return node;
}

function wheel(cell, name) {
  const node = make("span", { class: "wheel" });
  const found = WHEEL.exec(name);
  if (!found) return make("span", {}, name);
  PARTS.forEach((part, at) => {
    const value = found[at + 1];
    if (value === undefined) return;
    if (at) node.append(make("span", { class: "sign" }, part === "local" ? "+" : "-"));
    node.append(make("span", { class: `part ${part}`, tabindex: 0, "data-part": part, "data-reason": cell.reason }, value));
  });
  node.append(make("span", { class: "sign" }, ".whl"));
  return node;
}

function why(part, value, reason) {
  const rule = data.rules[`${part} ${value}`] || data.rules[part] || "";
  const lines = [`${part}: ${value}`, rule];
  for (const [name, fact, source, skipped] of (data.reasons[reason] || {})[part] || []) {
    lines.push(`${name} = ${fact || "absent"}${fact ? `, from ${source}` : ""}`, ...skipped.map((text) => `    before: ${text}`));
  }
  return lines.join("\n");
}

function tell(target, text) {
  const told = find("#told");
  told.textContent = text;
  told.hidden = false;
  const box = target.getBoundingClientRect();
  const below = box.bottom + 8 + told.offsetHeight < innerHeight;
  told.style.top = `${below ? box.bottom + 8 : Math.max(4, box.top - told.offsetHeight - 8)}px`;
  told.style.left = `${Math.max(4, Math.min(box.left, innerWidth - told.offsetWidth - 8))}px`;
}
function hush() { find("#told").hidden = true; }
addEventListener("keydown", ({ key }) => { if (key === "Escape") hush(); });

function names() {
  const list = find("#names .list");
  list.addEventListener("scroll", () => { hush(); requestAnimationFrame(draw); });
  addEventListener("resize", draw);
  find("#names input").addEventListener("input", filter);
  const told = ({ target }) => {
    if (target.dataset.part) tell(target, why(target.dataset.part, target.textContent, target.dataset.reason));
  };
  for (const event of ["mouseover", "focusin"]) list.addEventListener(event, told);
  for (const event of ["mouseout", "focusout"]) list.addEventListener(event, hush);
  find("#names").style.setProperty("--id", `${Math.max(...cells.map((cell) => cell.id.length), 1)}ch`);
  find("#names .legend").append(...PARTS.map((part) => make("span", { class: part }, part)));
  filter();
}

function jobs() {
  const { nodes, edges, longest } = data.graph;
  const width = 190, gap = 70, height = 30, step = 40, top = 34;
  const used = [...new Set(nodes.map((node) => node[1]))].sort((one, two) => one - two);
  const count = new Map();
  const at = nodes.map(([, stage]) => {
    const row = count.get(stage) || 0;
    count.set(stage, row + 1);
    return { x: 12 + used.indexOf(stage) * (width + gap), row, stage };
  });
  const tallest = Math.max(...count.values(), 1);
  for (const place of at) place.y = top + (place.row + (Math.min(tallest, 12) - Math.min(count.get(place.stage), 12)) / 2) * step;
  const svg = make("svg:svg", { width: 24 + used.length * (width + gap) - gap, height: top + tallest * step, role: "img",
    "aria-label": "Jobs by stage" });
  const chain = new Set(longest);
  for (const stage of used) {
    const x = 12 + used.indexOf(stage) * (width + gap);
    svg.append(make("svg:text", { x, y: 20, class: "stage" }, data.stages[stage]));
  }
  const follows = (before, after) => longest.indexOf(after) === longest.indexOf(before) + 1 && chain.has(before) && chain.has(after);
  for (const [before, after] of edges) {
    const [one, two] = [at[before], at[after]];
    const [x, y, X, Y] = [one.x + width, one.y + height / 2, two.x, two.y + height / 2];
    svg.append(make("svg:path", { d: `M${x},${y} C${x + gap / 2},${y} ${X - gap / 2},${Y} ${X},${Y}`,
      class: follows(before, after) ? "longest" : "" }));
  }
  nodes.forEach(([label, , many], number) => {
    const { x, y } = at[number];
    const suffix = many > 1 ? ` × ${many}` : "";
    const room = 25 - suffix.length;
    const text = label + suffix;
    const short = (label.length > room ? `${label.slice(0, room - 1)}…` : label) + suffix;
    svg.append(make("svg:g", { class: chain.has(number) ? "longest" : "" }, make("svg:title", {}, text),
      make("svg:rect", { x, y, width, height, rx: 5 }), make("svg:text", { x: x + 9, y: y + 19 }, short)));
  });
  find("#jobs .scroll").append(svg);
  find("#jobs .note").textContent =
    `The longest chain has ${longest.length} jobs, one after the other: ${longest.map((number) => nodes[number][0]).join(" → ")}.`;
}

function files() {
  if (!data.files.length) return;
  find("#files").hidden = false;
  const head = make("tr", {}, ...["forge", "file", "bytes"].map((text) => make("th", {}, text)));
  find("#files table").append(head, ...data.files.map(([forge, path, size]) => make("tr", {}, make("td", {}, forge),
    make("td", {}, path), make("td", { class: "number" }, size.toLocaleString("en")))));
}

summary();
problems();
matrix();
names();
jobs();
files();
