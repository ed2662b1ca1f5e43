"use strict";
// Keeps the parts of a page that are marked `data-live` as they are on the server: whenever the server tells that
// something happened, the page is read again and those parts are put in place. The numbers are made in one place.
(() => {
  const state = document.getElementById("live-state");
  const button = document.getElementById("live-pause");
  const announced = document.getElementById("live-announced");
  const text = state.dataset;
  const WITHOUT_NEWS = 20000, ANNOUNCE_EACH = 5000;
  // A reading that took long is not repeated soon: many open pages must not keep the service from its callers.
  const rest = () => Math.min(Math.max(250, 3 * took), 5000);
  let paused = false, reading = false, again = false, lastRead = 0, took = 0, timer = 0, lastAnnounced = 0, connected = false;

  const show = () => {
    state.dataset.state = paused ? "paused" : connected ? "on" : "off";
    state.textContent = paused ? text.paused : connected ? text.on : text.off;
    button.textContent = paused ? text.resume : text.pause;
  };

  const soon = (wait) => {
    if (paused || document.hidden) { again = true; return; }
    if (reading) { again = true; return; }
    clearTimeout(timer);
    timer = setTimeout(read, Math.max(wait, lastRead + rest() - Date.now(), 0));
  };

  const read = async () => {
    reading = true; again = false; lastRead = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "manual" });
      if (answer.type === "opaqueredirect") { location.reload(); return; }
      if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* The stream says when the service is away. */ }
    took = Date.now() - lastRead;
    reading = false;
    soon(again ? 0 : WITHOUT_NEWS);
  };

  const put = (fresh) => {
    const known = new Set([...document.querySelectorAll("[data-id]")].map((one) => one.dataset.id));
    const keep = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.id : undefined;
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (next && next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes);
    }
    if (keep) document.querySelector(`[data-id="${CSS.escape(keep)}"]`)?.focus();
    const arrived = [...document.querySelectorAll("[data-id]")].filter((one) => !known.has(one.dataset.id));
    for (const one of arrived) one.classList.add("new");
    const told = arrived.find((one) => one.dataset.say);
    if (told && Date.now() - lastAnnounced > ANNOUNCE_EACH) {
      lastAnnounced = Date.now();
      announced.textContent = told.dataset.say;
    }
  };

  const stream = new EventSource(`/api/v1/live?after=${encodeURIComponent(text.after)}`);
  stream.addEventListener("open", () => { connected = true; show(); });
  stream.addEventListener("error", () => { connected = false; show(); });
  for (const name of ["offered", "answered", "ended", "reload"]) stream.addEventListener(name, () => soon(0));
  button.addEventListener("click", () => { paused = !paused; show(); if (!paused) soon(0); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) soon(0); });
  button.hidden = false;
  show();
  soon(WITHOUT_NEWS);
})();
