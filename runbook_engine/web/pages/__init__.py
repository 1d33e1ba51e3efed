"""The pages: one module each with a function `page(source, viewer, query) -> str` that gives the whole HTML text.

`query` has the path's names (`run`, `name`) and the query string's values, as text. Pages know nothing of requests.
Besides the pages of the table in `web.views`: `login` (its viewer is None; `query["problem"]` says why the last try
failed, `query["next"]` where one goes then; a form posts the fields `token` and `next` to `/login`, and what follows
`#` in the address is a one-time token to be put there by script) and `error` (its viewer may be None; `query` has
`status`, `message`, `hint` and `back`). `live` gives the fragment of a run's page that is swapped in when the run's
events say `changed`; it is rendered once for a sequence and a person, and its clocks have to go on in the browser.
Forms post to `/runs/{run}/answer`, with `csrf`, `answer` (one of `web.said.WORDS`) and, as far as there are any,
`task`, `reason` and `plan`.
"""
