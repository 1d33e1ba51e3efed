"""Rules RB001 to RB099: what a YAML file must be before anybody looks at what it says."""

from runbook_engine.model.rule import Rule, error, warning

YAML_RULES: tuple[Rule, ...] = (
    error(
        "RB001",
        "the file can be read",
        """
The file is missing, is not a regular file, or may not be read by you.
Bad:  runbook validate runbooks/no-such-file.yml
Good: runbook validate runbooks/region-failover.yml
""",
    ),
    error(
        "RB002",
        "the file is not too large",
        """
A file larger than `limits.file_bytes` of runbook.toml (16 MiB unless it says otherwise) is not read at all, so that a
broken or hostile file can't fill the memory in the middle of an incident.
Bad:  a database dump put in place of a runbook
Good: a runbook that names the dump
""",
    ),
    error(
        "RB003",
        "the file is UTF-8",
        """
Files are UTF-8 text, with or without a byte order mark. UTF-16 and Latin-1 are refused, because guessing an encoding
turns names into other names.
Bad:  a file saved as "Unicode" (UTF-16) or "ANSI"
Good: the same file saved as UTF-8
""",
    ),
    error(
        "RB004",
        "no invisible characters that mislead the reader",
        """
Control characters, unusual line separators and bidirectional overrides make a file show something else than it says.
They are refused in the text of a file; inside double quotes an escape such as "\\u2028" says the same visibly. NUL is
refused in either form: no command line and no file name can hold it.
Bad:  a name that holds U+202E, so that it reads backwards
Good: the name as it reads
""",
    ),
    error(
        "RB005",
        "the file is well-formed YAML",
        """
The parser could not make sense of the text. Most often a line is indented differently from its neighbours, a quote or
bracket is not closed, or a text that holds ": " or begins with a special character needs quotes.
Bad:  name: Restore: the database
Good: name: "Restore: the database"
""",
    ),
    error(
        "RB006",
        "indentation is made of spaces",
        """
YAML does not allow tabs for indentation, because their width depends on the editor.
Bad:  steps: followed by a line that begins with a tab
Good: the same line beginning with two spaces
""",
    ),
    error(
        "RB007",
        "the nesting is not too deep",
        """
Lists and mappings within each other are limited to `limits.depth` (64 unless runbook.toml says otherwise).
Bad:  [[[[[[ ... ]]]]]] a hundred deep
Good: a flat list
""",
    ),
    error(
        "RB008",
        "the file does not hold too many values",
        """
A file may hold at most `limits.nodes` values and lines (1,000,000 unless runbook.toml says otherwise), those repeated
by aliases included.
Bad:  an inventory with a million hosts in one file
Good: the inventory split into several files, or a range such as web[001:500]
""",
    ),
    error(
        "RB009",
        "one document in a file",
        """
A file holds one YAML document; what stands behind a second `---` would otherwise be ignored without a word.
Bad:  two runbooks in one file, separated by ---
Good: two files
""",
    ),
    error(
        "RB010",
        "a key stands once in a mapping",
        """
With the same key twice, YAML parsers silently take the last one.
Bad:  timeout: 5m ... timeout: 45m in one step
Good: timeout: 45m once
""",
    ),
    error(
        "RB011",
        "no YAML tags",
        """
Tags such as !!python/object or !!binary ask the parser to build something else than text, numbers, lists and mappings.
Bad:  port: !!int "22"
Good: port: 22
""",
    ),
    error(
        "RB012",
        "no merge keys",
        """
`<<` copies one mapping into another where the reader does not see it, is no part of YAML 1.2, and a nest of them
hangs every parser.
Bad:  <<: *defaults
Good: vars, or the few lines written out
""",
    ),
    error(
        "RB013",
        "aliases repeat small things only",
        """
An alias (*name) must name an anchor (&name) above it, may not stand inside its own anchor, and all aliases of a file
together may repeat at most 10,000 values: nests of aliases grow without bound.
Bad:  a: &a [*a]
Good: a: &ports [80, 443]   b: *ports
""",
    ),
    error(
        "RB014",
        "numbers are finite and fit into 64 bits",
        """
.nan and .inf have no meaning in a runbook and no form in JSON; larger integers lose digits elsewhere.
Bad:  delay: .inf
Good: delay: 3600.5, or the long number in quotes
""",
    ),
    error(
        "RB015",
        "keys are plain names",
        """
A key of a mapping is a text on one line, not a list, a mapping, an alias or nothing. The usual cause is a template
without quotes: YAML reads {{ name }} as a mapping within a mapping.
Bad:  url: {{ base }}/health
Good: url: "{{ base }}/health"
""",
    ),
    warning(
        "RB016",
        "no value that YAML readers disagree about",
        """
yes, no, on, off, 017, 1:30, 1_000, 0b101 and 1e3 are text for some YAML readers and booleans or numbers for others
(NO is not only Norway). They are kept as text; quotes or true/false make clear what is meant.
Bad:  country: NO      enabled: yes     mode: 0644
Good: country: "NO"    enabled: true    mode: "0644"
""",
    ),
    error(
        "RB017",
        "no YAML directives",
        """
Lines such as %YAML 1.1 or %TAG in front of the document change how the rest is read.
Bad:  %TAG ! tag:example.com,2026:
Good: no such line
""",
    ),
    error(
        "RB018",
        "not too many problems in one file",
        """
After 1,000 findings about its YAML the rest of a file is left out.
Bad:  a log file named in place of a runbook
Good: mend what is listed and validate again
""",
    ),
)
