"use strict";
// Pages through the findings that lie in this file. Texts are set as text, never as markup.
(async () => {
  const PAGE = 50;
  const by = (id) => document.getElementById(id);
  const tables = JSON.parse(by("tables").textContent);
  const packed = atob(by("data").textContent.trim());
  const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const lines = (await new Response(stream).text()).split("\n");
  lines.pop();
  const all = lines.map((line) => JSON.parse(line));
  const low = lines.map((line) => line.toLowerCase());
  const [POLICY, STATE, SEVERITY, ACCOUNT, REGION, ID, NAME, ARN, MESSAGE, EVIDENCE, WAIVER, BECAUSE, LAPSED, FINDING] =
    Array.from({ length: 14 }, (_, place) => place);
  const words = { FAIL: "Fail", UNKNOWN: "Unknown", WAIVED: "Waived", PASS: "Pass", NOT_APPLICABLE: "Not applicable" };
  let page = 0;
  let found = [];

  const element = (name, kind, text) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (text !== undefined && text !== null) made.textContent = text;
    return made;
  };
  // What would hide or steer is written out, as in every other report.
  const plain = (text) =>
    String(text ?? "").replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      (sign) => "\\u" + sign.charCodeAt(0).toString(16).padStart(4, "0"));

  const choices = (id, values, label) => {
    for (const value of values) {
      const option = element("option", "", label ? label(value) : value);
      option.value = value;
      by(id).append(option);
    }
  };
  const distinct = (place) => [...new Set(all.map((row) => row[place]))].sort();
  choices("state", tables.states.map((_, place) => place), (place) => words[tables.states[place]]);
  choices("severity", tables.severities.map((_, place) => place), (place) => tables.severities[place]);
  choices("policy", tables.policies.map((_, place) => place),
    (place) => tables.policies[place][0] + (tables.policies[place][1] ? ` (${tables.policies[place][1]})` : ""));
  choices("account", distinct(ACCOUNT));
  choices("region", distinct(REGION));

  const select = () => {
    const wanted = [["state", STATE], ["severity", SEVERITY], ["policy", POLICY], ["account", ACCOUNT], ["region", REGION]]
      .map(([id, place]) => [place, by(id).value]).filter(([, value]) => value !== "");
    const asked = by("q").value.toLowerCase().split(/\s+/).filter(Boolean)
      .map((word) => JSON.stringify(word).slice(1, -1));
    found = [];
    for (let number = 0; number < all.length; number += 1) {
      const row = all[number];
      if (wanted.every(([place, value]) => String(row[place]) === value) &&
          asked.every((word) => low[number].includes(word) || tables.policies[row[POLICY]][0].includes(word))) {
        found.push(row);
      }
    }
    page = 0;
    show();
  };

  const shown = (row) => {
    const made = element("tr");
    const [policy, variant, , , type] = tables.policies[row[POLICY]];
    const state = tables.states[row[STATE]];
    const severity = tables.severities[row[SEVERITY]];
    const cells = [element("td"), element("td"), element("th", "wide break"), element("td", "wide break"), element("td", "nowrap place")];
    cells[2].scope = "row";
    cells[0].append(element("span", `level ${severity}`, severity));
    cells[1].append(element("span", `tag ${state}`, words[state]));
    cells[2].append(row[ID] === "*" ? "all" : plain(row[NAME] ?? row[ID]), element("span", "sub", type));
    cells[3].append(plain(row[MESSAGE]), element("span", "sub", policy + (variant ? ` (${variant})` : "")));
    if (row[WAIVER]) cells[3].append(element("span", "sub", `waiver ${plain(row[WAIVER])}: ${plain(row[BECAUSE])}`));
    if (row[LAPSED]) cells[3].append(element("span", "sub", `the waiver lapsed: ${plain(row[LAPSED])}`));
    const more = element("details");
    more.append(element("summary", "", "Details"));
    const facts = element("dl", "facts small");
    const told = [["Id", row[ID]], ["ARN", row[ARN]], ["Seen", row[EVIDENCE]], ["Finding", row[FINDING]]];
    for (const [name, value] of told) {
      if (value) facts.append(element("dt", "", name), element("dd", "mono", plain(value)));
    }
    more.append(facts);
    cells[3].append(more);
    cells[4].append(plain(row[REGION]), element("span", "sub", plain(row[ACCOUNT])));
    made.append(...cells);
    return made;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    by("rows").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(shown));
    by("count").textContent = `${found.length.toLocaleString("en")} finding${found.length === 1 ? "" : "s"}`;
    by("place").textContent = `Page ${(page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`;
    by("previous").disabled = page === 0;
    by("next").disabled = page >= pages - 1;
  };

  by("filters").addEventListener("input", select);
  by("filters").addEventListener("submit", (event) => event.preventDefault());
  by("previous").addEventListener("click", () => { page -= 1; show(); });
  by("next").addEventListener("click", () => { page += 1; show(); });
  by("state").value = tables.states.some((_, place) => place === 0 && all.some((row) => row[STATE] === 0)) ? "0" : "";
  by("browse").hidden = false;
  select();
})();
