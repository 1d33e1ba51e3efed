// Swaps the live part of a run's page in when the run changed. What a person types, has opened or scrolled to stays.
"use strict";

(() => {
  const root = document.getElementById("live");
  const heard = document.getElementById("heard");
  const link = document.getElementById("link");
  const address = `/runs/${encodeURIComponent(root.dataset.run)}`;
  const least = 500; // milliseconds between two looks
  let newest = Number(root.dataset.seq);
  let busy = false;
  let waiting = 0;
  let events = null;
  let ended = false; // logged out
  let fed = false; // what tasks put out comes by the stream, newer than what is fetched
  let again = 3000; // milliseconds until a stream is asked for anew that the browser gave up

  function soon(after = least) {
    if (!waiting && !busy) waiting = setTimeout(look, after);
  }

  async function look() {
    waiting = 0;
    busy = true;
    try {
      const answer = await fetch(`${address}/live`, { headers: { accept: "text/html" }, redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        say("You are logged out. Log in again (in another tab, if you were writing something).");
        ended = true;
        events.close();
        return;
      }
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const made = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      if (made) swap(made);
      say("");
      if (ended) {
        ended = false; // logged in again, in another tab
        listen();
      }
    } catch (error) {
      say(`The run can't be seen for the moment (${error.message}). What stands here may be old.`);
      newest = Number(root.dataset.seq) + 1; // look again
    } finally {
      busy = false;
    }
    if (Number(root.dataset.seq) < newest) soon(2 * least);
  }

  function swap(made) {
    const before = root.dataset.summary;
    keepingPlace(() => morph(root, made));
    if (root.dataset.summary !== before) {
      heard.textContent = root.dataset.summary;
      document.title = `${root.dataset.title} · runbook`;
    }
    document.dispatchEvent(new Event("swapped"));
  }

  // The newest output of what runs; whoever reads its end sees what comes, whoever scrolled up is left there.
  function show(text) {
    const section = document.getElementById("running");
    const made = new DOMParser().parseFromString(text, "text/html").getElementById("running");
    if (!section) return;
    const followed = [...section.querySelectorAll("pre")].filter((one) => one.scrollTop + one.clientHeight > one.scrollHeight - 4);
    const known = new Set(section.querySelectorAll("pre"));
    keepingPlace(() => (made ? morph(section, made) : section.replaceChildren()));
    for (const one of section.querySelectorAll("pre")) {
      if (followed.includes(one) || !known.has(one)) one.scrollTop = one.scrollHeight;
    }
    document.dispatchEvent(new Event("swapped"));
  }

  function keepingPlace(change) {
    const place = anchor();
    change();
    if (place) scrollBy(0, place.element.getBoundingClientRect().top - place.top);
  }

  // What is being read or written stays where it is on the screen, whatever grows above it.
  function anchor() {
    const active = document.activeElement;
    const seen = [...root.querySelectorAll("section, .ask, .step, .trouble")];
    const element = root.contains(active) ? active : seen.find((one) => one.getBoundingClientRect().bottom > 60);
    return element && scrollY > 0 ? { element, top: element.getBoundingClientRect().top } : null;
  }

  // Makes `old` like `made`, piece by piece: pieces with an id are told by it, others by their place.
  function morph(old, made) {
    attributes(old, made);
    if (/^(TEXTAREA|SELECT)$/.test(old.nodeName)) return; // what is in it is the person's
    const wanted = new Set([...made.children].map((child) => child.id).filter(Boolean));
    let next = old.firstChild;
    for (const want of [...made.childNodes]) {
      while (next && next.id && next.id !== want.id && !wanted.has(next.id)) next = drop(next);
      const have = match(old, next, want);
      if (!have) {
        old.insertBefore(document.importNode(want, true), next);
        continue;
      }
      if (have === next) next = next.nextSibling;
      else old.insertBefore(have, next);
      if (fed && have.dataset && "own" in have.dataset) continue;
      if (have.nodeType === Node.ELEMENT_NODE) morph(have, want);
      else if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
    }
    while (next) next = drop(next);
  }

  function match(old, next, want) {
    if (want.id) return [...old.children].find((child) => child.id === want.id && child.nodeName === want.nodeName);
    return next && !next.id && next.nodeType === want.nodeType && next.nodeName === want.nodeName ? next : null;
  }

  function attributes(old, made) {
    const own = old.nodeName === "DETAILS" ? "open" : old.nodeName === "INPUT" && old.type !== "hidden" ? "value" : "";
    for (const { name } of [...old.attributes]) {
      if (name !== own && !made.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of made.attributes) {
      if (name !== own && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  // A question that was answered meanwhile goes; unless somebody writes there, whose words are not thrown away.
  function drop(gone) {
    const next = gone.nextSibling;
    if (gone.nodeType !== Node.ELEMENT_NODE || !isWritten(gone)) gone.remove();
    else if (!gone.classList.contains("stale")) {
      gone.classList.add("stale");
      const words = document.createElement("p");
      words.textContent = "This was answered, or is not asked any more. Your words are still here; load the page again to let them go.";
      words.setAttribute("role", "status");
      gone.prepend(words);
      for (const button of gone.querySelectorAll("button")) button.disabled = true;
    }
    return next;
  }

  function isWritten(element) {
    const fields = [...element.querySelectorAll("textarea, input:not([type=hidden])")];
    return fields.some((field) => (field.type === "checkbox" ? field.checked : field.value.trim() !== ""));
  }

  function say(text) {
    link.hidden = !text;
    if (link.textContent !== text) link.textContent = text;
  }

  function listen() {
    events = new EventSource(`${address}/events`);
    events.addEventListener("changed", (event) => {
      newest = Math.max(newest, Number(event.lastEventId) || newest + 1);
      soon();
    });
    events.addEventListener("output", (event) => {
      fed = true;
      show(JSON.parse(event.data).element);
    });
    events.addEventListener("away", () => say("The journal can't be read for the moment. What stands here may be old."));
    events.addEventListener("back", () => soon());
    events.addEventListener("error", () => {
      fed = false;
      say("The connection is lost and tried again. What stands here may be old.");
      // After an answer that is no stream (503) a browser does not ask again by itself.
      if (events.readyState !== EventSource.CLOSED || ended) return;
      setTimeout(listen, again * (0.5 + Math.random()));
      again = Math.min(2 * again, 60000);
    });
    events.addEventListener("open", () => {
      again = 3000;
      soon();
    });
  }
  listen();

  // An objective is missed, a gate expires and a process dies without an event of its own.
  setInterval(() => {
    if (root.dataset.open && document.visibilityState === "visible") soon();
  }, 10000);
})();
