// Makes a report's tables sortable and searchable, and gives its timeline a cursor.
// Everything the page says is there without it.
"use strict";
(() => {
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // Sorting: a button in each heading; numbers go down first, words up.
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), "en", { numeric: true });
  const sort = (table, heading) => {
    const column = heading.cellIndex;
    const first = heading.classList.contains("n") ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const direction = heading.getAttribute("aria-sort") === first ? second : first;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    rows.sort((a, b) => sign * compare(a[0], b[0]));
    body.append(...rows.map((pair) => pair[1]));
  };

  // Filtering: what does not hold the text is hidden; either mu finds microseconds.
  const fold = (text) => text.normalize("NFKC").toLowerCase();
  const filter = (items, place, what) => {
    const count = make("span", { role: "status" });
    const input = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    input.addEventListener("input", () => {
      const wanted = fold(input.value);
      let shown = 0;
      for (const item of items()) {
        item.hidden = !fold(item.textContent).includes(wanted);
        if (!item.hidden) shown += 1;
      }
      count.textContent = wanted ? `${shown} of ${items().length} ${what}` : "";
    });
    place.before(
      make("div", { className: "filter" }, make("label", {}, `Filter ${what} `, input), count));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = make("button", { type: "button", textContent: heading.textContent });
      button.addEventListener("click", () => sort(table, heading));
      heading.replaceChildren(button);
    }
    const rows = () => [...table.tBodies[0].rows];
    if (rows().length > 8) filter(rows, table.closest(".scroll"), "rows");
  }
  const transcript = document.querySelector(".console");
  if (transcript) filter(() => [...transcript.querySelectorAll("li[id]")], transcript, "lines");

  // The timeline's cursor: by pointer, arrow keys or a link to an interval.
  const cursors = new Map();
  for (const timeline of document.querySelectorAll(".timeline[data-table]")) {
    const table = document.getElementById(timeline.dataset.table);
    const rows = table.tBodies[0].rows;
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const plot = timeline.querySelector(".plot");
    const readout = timeline.nextElementSibling;
    const cursor = make("div", { className: "cursor", hidden: true });
    plot.append(cursor);
    readout.hidden = false;
    readout.textContent = "Point at the timeline, or focus it and use the arrow keys.";
    let current = -1;
    const show = (interval) => {
      current = Math.max(0, Math.min(rows.length - 1, interval));
      const cells = [...rows[current].cells];
      const parts = cells.slice(1)
        .map((cell, place) => [names[place + 1], cell.textContent])
        .filter((part) => part[1] !== "0")
        .map((part) => `${part[0]} ${part[1]}`);
      const text = `From ${cells[0].textContent}: ${parts.join(" · ") || "nothing"}`;
      readout.textContent = text;
      const link = cells[cells.length - 1].querySelector("a");
      const what = timeline.dataset.link ?? "(its console)";
      if (link) readout.append(" ", make("a", { href: link.hash, textContent: what }));
      cursor.hidden = false;
      cursor.style.left = `${(100 * (current + 0.5)) / rows.length}%`;
      plot.setAttribute("aria-valuenow", current + 1);
      plot.setAttribute("aria-valuetext", text);
    };
    plot.tabIndex = 0;
    plot.setAttribute("role", "slider");
    plot.setAttribute("aria-label", "Interval of the timeline");
    plot.setAttribute("aria-valuemin", 1);
    plot.setAttribute("aria-valuemax", rows.length);
    plot.setAttribute("aria-valuenow", 1);
    timeline.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      if (event.clientX < box.left || event.clientX > box.right) return;
      show(Math.floor(((event.clientX - box.left) / box.width) * rows.length));
      tell(event.target);
    });
    // What connects two timelines says what it is, and so when it has the focus.
    const tell = (element) => {
      const title = element.closest(".links")
        && (element.closest("a") ?? element).querySelector("title");
      if (title) readout.textContent = title.textContent;
    };
    timeline.addEventListener("focusin", (event) => tell(event.target));
    plot.addEventListener("keydown", (event) => {
      const steps = {
        ArrowLeft: current - 1, ArrowRight: current + 1, PageUp: current - 10,
        PageDown: current + 10, Home: 0, End: rows.length - 1,
      };
      if (!(event.key in steps)) return;
      event.preventDefault();
      show(steps[event.key]);
    });
    for (let place = 0; place < rows.length; place += 1) {
      cursors.set(rows[place].id, () => {
        show(place);
        timeline.closest("section").scrollIntoView();
        plot.focus({ preventScroll: true });
      });
    }
  }

  // Links to what is folded away unfold it.
  const follow = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    if (cursors.has(id)) {
      cursors.get(id)();
      return;
    }
    const details = id && document.getElementById(id)?.closest("details");
    if (!details) return;
    details.open = true;
    document.getElementById(id).scrollIntoView();
  };
  addEventListener("hashchange", follow);
  // A link to where one is already makes no hashchange.
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (link && link.hash === location.hash) follow();
  });
  follow();
})();
