// Asks /info twice a second and shows who answered: the picture of balancing and of recovery.
"use strict";
const answers = document.getElementById("answers");
const legend = document.getElementById("legend");
const seen = new Map();
const keep = 40;

function add(text, kind, title) {
  const item = document.createElement("li");
  item.textContent = text;
  item.title = title;
  if (kind) item.className = kind;
  answers.append(item);
  while (answers.children.length > keep) answers.firstChild.remove();
}

async function ask() {
  try {
    const answer = await fetch("info", { cache: "no-store", signal: AbortSignal.timeout(2000) });
    if (!answer.ok) throw new Error(answer.status);
    const { instance, pid } = await answer.json();
    seen.set(instance, pid);
    const number = instance.match(/\d+$/)?.[0] ?? "1";
    add(number, ["", "b", "c"][(Number(number) - 1) % 3], `${instance}, pid ${pid}`);
    legend.textContent = [...seen].sort().map(([name, id]) => `${name}: pid ${id}`).join(" · ");
  } catch (error) {
    add("✕", "none", String(error));
  }
  setTimeout(ask, 500);
}
ask();
