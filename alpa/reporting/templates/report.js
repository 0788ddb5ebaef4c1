"use strict";
// Sorts tables by any column and filters their rows. Without it they are plain tables in the report's own order.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const ending = [...body.rows].filter((row) => row.classList.contains("mean")); // a mean stays below what it is of
  const rows = [...body.rows].filter((row) => !ending.includes(row));
  const collator = new Intl.Collator("en", { numeric: true });

  // A cell's first number; "–" alone is none. "< 0.001" comes before 0.001.
  const number = (text) => {
    const found = text.replaceAll("\u2212", "-").replaceAll(",", "").match(/[-+]?\d+(\.\d+)?/);
    return found === null ? null : Number(found[0]) - (text.trim().startsWith("<") ? 1e-9 : 0);
  };
  const compare = (column, sign) => (first, second) => {
    const [one, other] = [first, second].map((row) => row.cells[column].textContent.trim());
    if (!heads[column].classList.contains("number")) return sign * collator.compare(one, other);
    const [low, high] = [number(one), number(other)];
    if (low === null || high === null) return Number(low === null) - Number(high === null); // what is missing goes last
    return sign * (low - high);
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const first = head.classList.contains("number") ? "descending" : "ascending";
      const order = before === null ? first : before === "ascending" ? "descending" : "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      rows.sort(compare(column, order === "ascending" ? 1 : -1));
      body.append(...rows, ...ending);
    });
  });

  if (!table.hasAttribute("data-filterable")) continue;
  const controls = document.createElement("div");
  controls.className = "controls";
  const labelled = (type, text) => {
    const [label, input] = [document.createElement("label"), document.createElement("input")];
    input.type = type;
    label.append(...(type === "checkbox" ? [input, text] : [text, input]));
    controls.append(label);
    return input;
  };
  const words = labelled("search", "Filter");
  const hasRanked = rows.some((row) => row.classList.contains("ranked"));
  const ranked = hasRanked ? labelled("checkbox", "ranked scores only") : null;
  const count = document.createElement("span");
  count.setAttribute("role", "status");
  controls.append(count);
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const has = wanted.every((word) => text.includes(word));
      row.hidden = !has || (ranked !== null && ranked.checked && !row.classList.contains("ranked"));
    }
    count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  words.addEventListener("input", filter);
  if (ranked !== null) ranked.addEventListener("change", filter);
  filter();
  table.closest("figure").prepend(controls);
}
