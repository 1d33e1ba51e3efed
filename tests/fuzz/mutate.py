"""Changes an input as its readers see it: words, lines, indentation, and values that nobody expects."""

_BORDER = b"\x1e"
_ODD = [
    *(b"null", b"~", b"true", b"[]", b"{}", b"''", b"0", b"-1", b"1e999", b".nan", b".inf", b"0x", b"017", b"1:30"),
    *(
        b"9" * 30,
        b"9" * 400,
        b"0x" + b"f" * 5000,
        b"0o" + b"7" * 9000,
        b"a." * 400 + b"a",
        b"'" * 3,
        b'"\\0"',
        b'"\\ud800"',
        b'"\\U0001F600"',
        b"\xc3\xa9",
        b"\xff",
        b"\x00",
        b"\xe2\x80\xae",
    ),
    *(
        b"&a",
        b"*a",
        b"!!python/name:os.system",
        b"!x",
        b"!vault |",
        b"<<: ",
        b"? ",
        b": ",
        b"- ",
        b"---\n",
        b"...\n",
        b"%YAML 1.1\n",
    ),
    *(b"{{", b"}}", b"{{ x }}", b"{% for %}", b"{{ secret('env:A') }}", b"{{ item }}", b"{#", b"[" * 70, b"{a: " * 70),
    *(
        b"../../etc/passwd",
        b"/dev/zero",
        b"a/b",
        b"a" * 300,
        b"-x",
        b"@x",
        b"2026-13-45",
        b"10y",
        b"5m",
        b"101%",
        b"65536",
    ),
    *(
        b" ",
        b"\t",
        b"\n",
        b"\r",
        b"\r\n",
        b"#",
        b" # c\n",
        b"|+9",
        b">-",
        b"|\n",
        b",",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xa8",
        b"\xc2\x85",
    ),
]


def mutated(data: bytes, draw, others: list[bytes]) -> bytes:
    """Give a changed input; the same generator (`random.Random`) in the same state makes the same change."""
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        data = draw.choice(_CHANGES)(data, draw, others)
    return data[:65536]


def _insert(data, draw, _):
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(_ODD) + data[at:]


def _word(data, draw, _):
    """Put something else in the place of one word or quoted text."""
    begin, end = _one_word(data, draw)
    return data[:begin] + draw.choice(_ODD) + data[end:]


def _another_word(data, draw, others):
    """Put a word of another input in the place of one; keys and values come to where they don't belong."""
    other = draw.choice(others) if others else data
    first, last = _one_word(other, draw)
    begin, end = _one_word(data, draw)
    return data[:begin] + other[first:last] + data[end:]


def _value(data, draw, _):
    """Put something else in the place of all that stands behind a colon."""
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    key, colon, _rest = lines[at].partition(b":")
    lines[at] = key + colon + b" " + draw.choice(_ODD)
    return b"\n".join(lines)


def _lines(data, draw, _):
    """Take lines out, double them, or move them."""
    lines = data.split(b"\n")
    at, to = draw.randrange(len(lines)), draw.randrange(len(lines))
    taken = lines[at : at + draw.choice((1, 1, 2, 5))]
    if draw.random() < 0.6:
        del lines[at : at + len(taken)]
    if draw.random() < 0.7:
        lines[to:to] = taken
    return b"\n".join(lines)


def _another_lines(data, draw, others):
    """Put lines of another input among these."""
    theirs = (draw.choice(others) if others else data).split(b"\n")
    lines = data.split(b"\n")
    at, to = draw.randrange(len(theirs)), draw.randrange(len(lines))
    lines[to : to + draw.choice((0, 0, 1))] = theirs[at : at + draw.choice((1, 1, 3, 9))]
    return b"\n".join(lines)


def _another_part(data, draw, others):
    """Put a part of another input in the place of one; an input of one part is its own first."""
    theirs = (draw.choice(others) if others else data).split(_BORDER)
    mine = data.split(_BORDER)
    at = draw.randrange(max(len(theirs), len(mine)))
    if at < len(theirs):
        mine[at : at + 1] = theirs[at : at + 1]
    return _BORDER.join(mine)


def _indent(data, draw, _):
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    bare = lines[at].lstrip()
    lines[at] = b" " * draw.choice((0, 1, 2, 4, 6, 8)) + bare
    return b"\n".join(lines)


def _byte(data, draw, _):
    if not data:
        return b"\n"
    at = draw.randrange(len(data))
    return data[:at] + bytes([draw.randrange(256)]) + data[at + draw.choice((0, 1, 1)) :]


def _cut(data, draw, _):
    at = draw.randrange(len(data) + 1)
    return data[:at] if draw.random() < 0.3 else data[:at] + data[at + draw.randrange(20) :]


def _one_word(data, draw):
    stops = b" \n\t,:{}[]\"'=|"
    at = draw.randrange(len(data) + 1)
    begin = end = at
    while begin > 0 and data[begin - 1] not in stops:
        begin -= 1
    while end < len(data) and data[end] not in stops:
        end += 1
    return begin, end


_CHANGES = (
    *(_insert, _word, _word, _another_word, _another_word, _value, _value, _lines, _indent, _byte, _cut),
    *(_another_lines, _another_part),
)
