// Keeps the page as it would be if it were loaded now: an event says when, the server still renders what.
"use strict";
(() => {
  const TICK_MS = 5000; // prices move without an event
  const SOON_MS = 300; // a burst of events is one look
  const LATE_MS = 20000;
  const TOPICS = ["created", "optimized", "rebalanced", "position.updated", "performance.calculated", "risk.alert"];
  const badge = document.getElementById("connection");
  let last = document.body.dataset.lastEvent;
  let source, pending, refreshed = Date.now(), connected = false, looking = false, charts = false;

  function show() {
    const live = connected && Date.now() - refreshed < LATE_MS;
    badge.hidden = false;
    badge.className = `pill ${live ? "live" : "stale"}`;
    badge.textContent = live ? "live" : "stale";
    badge.title = live ? "Updates by itself" : `Last update ${new Date(refreshed).toLocaleTimeString()}; trying again`;
  }

  function put(page) {
    for (const part of page.querySelectorAll("[data-live]")) {
      const here = document.getElementById(part.id);
      if (here === null) continue; // a page from before an update of the service
      const held = getSelection();
      const read = !held.isCollapsed && here.contains(held.anchorNode); // somebody is copying from it
      if (read || here.innerHTML === part.innerHTML) continue;
      const focus = here.contains(document.activeElement) && document.activeElement.getAttribute("href");
      here.replaceChildren(...part.childNodes);
      if (focus) here.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus();
    }
  }

  async function look() {
    if (looking) return;
    looking = true;
    clearTimeout(pending);
    pending = undefined;
    const url = new URL(location.href);
    if (!charts) url.searchParams.set("part", "figures");
    charts = false;
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(LATE_MS) });
      if (answer.ok) {
        put(new DOMParser().parseFromString(await answer.text(), "text/html"));
        refreshed = Date.now();
      }
    } catch { /* the badge says so */ }
    looking = false;
    show();
  }

  function follow() {
    source?.close();
    source = new EventSource(last === undefined ? "/events" : `/events?last_event_id=${last}`);
    source.onopen = () => { connected = true; look(); };
    source.onerror = () => {
      connected = false;
      show();
      if (source.readyState === EventSource.CLOSED) { // refused: what was missed is read from the page itself
        last = undefined;
        setTimeout(follow, TICK_MS);
      }
    };
    for (const topic of TOPICS) {
      source.addEventListener(`portfolio.${topic}`, (event) => {
        last = event.lastEventId;
        const shown = document.querySelector("[data-portfolio]")?.dataset.portfolio;
        const about = JSON.parse(event.data).payload.portfolio_id;
        charts ||= shown === undefined || (shown === about && topic !== "risk.alert");
        pending ??= setTimeout(look, SOON_MS);
      });
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source.close(); // a browser has few connections for one host
    else follow();
  });
  setInterval(() => (document.hidden ? undefined : look()), TICK_MS);
  follow();
})();
