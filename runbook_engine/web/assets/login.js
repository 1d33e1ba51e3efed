// A one-time link carries its token behind the #, which no server and no log sees: it is put into the form from there.
"use strict";

(() => {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("token").value = decodeURIComponent(token);
  document.getElementById("login").requestSubmit();
})();
