"""The dashboard's style sheet and scripts: contrast by WCAG, nothing from elsewhere, nothing that the policy forbids."""

import re
from importlib.resources import files

import pytest

ASSETS = files("runbook_engine.web").joinpath("assets")
SHEET = ASSETS.joinpath("dashboard.css").read_text()
SCRIPTS = [one for one in ASSETS.iterdir() if one.name.endswith(".js")]
TEXT = ("ink", "soft", "good", "bad", "warn", "calm", "mute")
GROUNDS = ("page", "card")


def colours(text):
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))


LIGHT = colours(SHEET.partition("@media")[0])
DARK = {**LIGHT, **colours(SHEET.partition("prefers-color-scheme: dark")[2].partition("\n}\n")[0])}


def brightness(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((brightness(one), brightness(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_is_the_one_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground_it_stands_on(scheme):
    pairs = [(text, ground) for text in TEXT for ground in GROUNDS]
    pairs += [
        ("ink", "bad-wash"),
        ("bad", "bad-wash"),
        ("soft", "bad-wash"),
        ("ink", "warn-wash"),
        ("warn", "warn-wash"),
    ]
    pairs += [("soft", "warn-wash"), ("on-fill", "good-fill"), ("on-fill", "bad-fill"), ("on-fill", "calm-fill")]
    low = {pair: round(contrast(scheme[pair[0]], scheme[pair[1]]), 2) for pair in pairs}
    assert not {pair: ratio for pair, ratio in low.items() if ratio < 4.5}


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_focus_and_borders_of_fields_can_be_seen(scheme):
    for sign in ("focus", "mute"):
        assert contrast(scheme[sign], scheme["card"]) >= 3
        assert contrast(scheme[sign], scheme["page"]) >= 3


def test_nothing_is_loaded_from_elsewhere():
    for text in (SHEET, *(one.read_text() for one in SCRIPTS)):
        assert not re.search(r"""https?:|["'`(]//""", text)
        assert "@import" not in text
        assert "url(" not in text


def test_scripts_write_no_markup_and_run_no_text():
    assert len(SCRIPTS) == 3
    for one in SCRIPTS:
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", ".style"):
            assert word not in one.read_text(), (one.name, word)
