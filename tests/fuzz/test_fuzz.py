"""Whatever is put into what reads files, it ends in findings or a clear error; and what once did not stays well.

A small and always equal part of what `make fuzz` does for as long as it is asked to.
"""

import random

import pytest

from fuzz.mutate import mutated
from fuzz.seeds import found, seeds
from fuzz.targets import TARGETS

# As many as take one or two seconds of one core.
INPUTS = {
    "runbook": 6,
    "team": 15,
    "config": 30,
    "layout": 15,
    "playbook": 90,
    "cases": 25,
    "inventory": 30,
    "constructed": 40,
    "program": 40,
    "instances": 50,
    "expression": 100,
    "plan": 12,
    "journal": 20,
    "record": 40,
    "answer": 400,
    "ssh": 200,
    "bundle": 40,
    "sealed": 60,
    "wire": 300,
    "feed": 100,
    "mail": 200,
    "request": 60,
}


@pytest.mark.parametrize("name", TARGETS)
def test_no_changed_input_breaks_a_reader(name, tmp_path):
    check, pool, draw = TARGETS[name](tmp_path), seeds(name), random.Random(name)
    for number in range(INPUTS[name]):
        data = mutated(draw.choice(pool), draw, pool)
        try:
            check(data)
        except Exception as error:  # noqa: BLE001 - any kind of them is what is looked for
            pytest.fail(f"input {number} of {name} ends in {error!r}: {data!r}")


@pytest.mark.parametrize(("name", "file"), [(name, file) for name in TARGETS for file in found(name)])
def test_what_broke_a_reader_once_does_not_any_more(name, file, tmp_path):
    TARGETS[name](tmp_path)(found(name)[file])


def test_every_target_has_something_to_begin_with():
    assert all(seeds(name) for name in TARGETS)
    assert set(INPUTS) == set(TARGETS)
