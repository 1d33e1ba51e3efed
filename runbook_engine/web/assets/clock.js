// Keeps the clocks of a page going, by the server's time, and says each moment in the viewer's own time, too.
"use strict";

(() => {
  const ahead = Date.parse(document.body.dataset.now) - Date.now();

  function clock(seconds) {
    const whole = Math.floor(Math.abs(seconds));
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  }

  function tick() {
    const now = Date.now() + ahead;
    for (const place of document.querySelectorAll("[data-since]")) {
      const passed = Math.max(0, (now - Date.parse(place.dataset.since)) / 1000);
      if (place.nodeName === "PROGRESS") place.value = passed;
      else put(place, clock(passed));
    }
    for (const place of document.querySelectorAll("[data-until]")) {
      const left = (Date.parse(place.dataset.until) - now) / 1000;
      put(place, left >= 0 ? `in ${clock(left)}` : `${clock(left)} ago`);
    }
  }

  function put(place, text) {
    if (place.textContent !== text) place.textContent = text;
  }

  function local() {
    for (const place of document.querySelectorAll("time[datetime]:not([title])")) {
      const time = new Date(place.dateTime);
      if (!Number.isNaN(time.getTime())) place.title = time.toLocaleString();
    }
  }

  function all() {
    tick();
    local();
  }

  // A wide graph begins in its middle, where it is thickest.
  for (const box of document.querySelectorAll("#graph-box")) box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;

  all();
  setInterval(tick, 1000);

  // A list is asked for again from time to time, unless somebody does not look at it or is about to choose.
  const again = Number(document.body.dataset.again);
  if (again) {
    setInterval(() => {
      const busy = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.nodeName);
      if (document.visibilityState === "visible" && !busy) location.reload();
    }, 1000 * again);
  }
  document.addEventListener("swapped", all);
})();
