// A one-time link carries its secret behind the #, which no server and no log sees: it is put into the form from there.
"use strict";

(() => {
  const secret = location.hash.slice(1);
  const already = document.getElementById("already");
  const field = document.getElementById("token");
  if (!secret) {
    if (already && !already.dataset.stay) location.replace(already.dataset.next);
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  try {
    field.value = decodeURIComponent(secret);
  } catch {
    return; // no link of ours
  }
  const by = document.getElementById("by");
  by.value = "link"; // anybody can make an address with a token in it: only a one-time link counts from there
  field.addEventListener("input", () => (by.value = ""));
  if (!already) document.getElementById("login").requestSubmit();
})();
