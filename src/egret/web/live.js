/* Keeps a page up to date: asks for it again, and puts what changed into place. Without scripts the page does all the
   same, but for that. Nothing here makes HTML of text: what the server sends is parsed as a document that runs nothing. */
"use strict";
(() => {
  const EVERY_MS = 4000;
  const SLOWEST_MS = 60000; // between tries at a server that does not answer
  const QUIET_MS = 20000; // between two announcements: a screen reader must not chatter
  const TYPING_MS = 250;

  const find = (selector) => document.querySelector(selector);
  const form = find("form.filter");
  const search = form && form.elements.q;
  let etag = "", paused = false, failures = 0, timer = 0, asking = null, announcedMs = -QUIET_MS;

  /* times: in the reader's zone, the title keeps UTC */
  const two = (number) => String(number).padStart(2, "0");
  const local = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "your time zone";
  const span = (seconds) => {
    for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
      if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
    }
    return `${Math.max(0, Math.floor(seconds))} s`;
  };
  const localise = (root, skewMs) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const date = new Date(time.dateTime);
      if (isNaN(date)) continue;
      const words = local(date);
      if (time.textContent !== words) time.textContent = words;
      const since = time.nextElementSibling;
      if (skewMs !== null && since && since.className === "ago") {
        const ago = `${span((Date.now() + skewMs - date) / 1000)} ago`;
        if (since.textContent !== ago) since.textContent = ago;
      }
    }
    for (const note of root.querySelectorAll("[data-zone]")) note.textContent = zone();
  };
  let skewMs = null; // what the server's clock is ahead of ours

  /* put *fresh* in place of *old*, touching only what differs: focus, selections and what is folded open stay */
  const keyOf = (node) => node.nodeType === 1 ? node.id || node.dataset.key || "" : "";
  const same = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName &&
    keyOf(one) === keyOf(other);
  const morph = (old, fresh) => {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.hasAttribute("data-own") || old.isEqualNode(fresh)) return;
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const keyed = new Map();
    for (const child of old.children) if (keyOf(child)) keyed.set(keyOf(child), child);
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const known = keyOf(child) ? keyed.get(keyOf(child)) : undefined;
      if (known && same(known, child)) {
        if (known === place) place = place.nextSibling;
        else old.insertBefore(known, place);
        morph(known, child);
      } else if (place && same(place, child)) {
        const next = place.nextSibling;
        morph(place, child);
        place = next;
      } else {
        old.insertBefore(document.adoptNode(child), place);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  };

  const keys = (root, selector) => new Set([...root.querySelectorAll(selector)].map(
    (node) => node.dataset.key || node.textContent));
  const added = (before, after) => [...after].filter((each) => !before.has(each)).length;
  const announce = (words) => {
    if (!words || performance.now() - announcedMs < QUIET_MS) return;
    announcedMs = performance.now();
    find("#announce").textContent = words;
  };
  const plural = (number, noun) => `${number} new ${noun}${number === 1 ? "" : "s"}`;

  const adopt = (text, isSameList) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const page = fresh.querySelector("main");
    if (!page) return;
    localise(fresh, skewMs);
    const rows = "tr[data-key]", problems = "[data-problem]", main = find("main");
    const news = [];
    if (isSameList) {
      const incidents = added(keys(main, rows), keys(page, rows));
      if (incidents) news.push(plural(incidents, "incident"));
    }
    const trouble = added(keys(main, problems), keys(page, problems));
    if (trouble) news.push(plural(trouble, "problem"));
    const focused = document.activeElement;
    morph(main, page);
    const sensor = find("header .sensor"), now = fresh.querySelector("header .sensor");
    if (sensor && now) morph(sensor, now);
    if (focused && focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    document.title = fresh.title;
    announce(news.join(", "));
  };

  const say = (words) => {
    const place = find("#live-state");
    if (place && place.textContent !== words) place.textContent = words;
  };
  const reading = () => {
    const chosen = document.getSelection();
    return chosen && !chosen.isCollapsed;
  };
  const plan = () => {
    clearTimeout(timer);
    if (!paused) timer = setTimeout(poll, Math.min(EVERY_MS * 2 ** failures, SLOWEST_MS));
  };
  const poll = async (isSameList = true) => {
    clearTimeout(timer);
    if (document.hidden || (isSameList && reading())) return plan();
    if (asking) asking.abort();
    const mine = asking = new AbortController();
    try {
      const headers = { Accept: "text/html" };
      if (etag) headers["If-None-Match"] = etag;
      const url = location.pathname + location.search;
      const answer = await fetch(url, { headers, cache: "no-store", redirect: "manual", signal: mine.signal });
      if (answer.type === "opaqueredirect") return location.reload(); // logged out: the server leads to its form
      if (answer.status === 200 || answer.status === 400) {
        skewMs = Date.parse(answer.headers.get("Date") || "") - Date.now();
        if (isNaN(skewMs)) skewMs = null;
        const text = await answer.text();
        etag = answer.headers.get("ETag") || "";
        adopt(text, isSameList);
      } else if (answer.status !== 304) {
        throw new Error(answer.statusText);
      }
      failures = 0;
      say(paused ? "Paused" : "Live");
    } catch (error) {
      if (mine.signal.aborted) return undefined;
      failures += 1;
      say("No answer; trying again");
    }
    return plan();
  };

  /* the filter: results follow what is typed, and the address follows them */
  const wanted = () => {
    const given = [...new FormData(form)].filter(([name, value]) => value && !(name === "state" && value === "open"));
    const query = new URLSearchParams(given).toString();
    return query ? `/?${query}` : "/";
  };
  const choose = () => {
    const url = wanted();
    if (url !== location.pathname + location.search) {
      history.replaceState(null, "", url + location.hash);
      etag = "";
      poll(false);
    }
  };
  const typing = { timer: 0 };
  const later = () => {
    clearTimeout(typing.timer);
    typing.timer = setTimeout(choose, TYPING_MS);
  };

  const keyboard = (event) => {
    if (event.key === "Escape" && event.target === search) {
      event.preventDefault();
      if (search.value) {
        search.value = "";
        choose();
      } else {
        search.blur();
      }
      return;
    }
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const writes = event.target.closest("input, select, textarea, [contenteditable]");
    if (event.key === "/" && plain && !writes && search && find("#slash").checked) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  };

  const remember = (box) => {
    try {
      box.checked = localStorage.getItem("slash") !== "off";
      box.addEventListener("change", () => localStorage.setItem("slash", box.checked ? "on" : "off"));
    } catch (error) { /* the browser keeps nothing here: the box holds for this page */ }
  };

  const begin = () => {
    localise(document, null);
    const live = find("header .live"), button = find("#live-button"), help = find("footer .keys");
    live.hidden = help.hidden = false;
    remember(find("#slash"));
    say("Live");
    button.addEventListener("click", () => {
      paused = !paused;
      button.textContent = paused ? "Resume" : "Pause";
      say(paused ? "Paused" : "Live");
      if (paused) clearTimeout(timer);
      else poll();
    });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !paused) poll(); });
    document.addEventListener("keydown", keyboard);
    if (form) {
      form.addEventListener("input", later);
      form.addEventListener("change", later);
      form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing.timer); choose(); });
      form.querySelector(".buttons").hidden = true;
    }
    plan();
  };
  begin();
})();
