from __future__ import annotations

from schemas.errors import Fault, Refused, dotted, faults_of


def test_a_refusal_tells_its_first_fault_and_all_of_them() -> None:
    refused = Refused([Fault("a.b", "is required"), Fault("", "is odd")])
    assert (refused.field, refused.reason) == ("a.b", "is required")
    assert str(refused) == "a.b: is required; is odd"
    assert Refused([]).reason == "refused"


def test_paths_are_dotted() -> None:
    assert dotted(("steps", 1, "with", "title")) == "steps[1].with.title"
    assert dotted((0, "id"), "steps") == "steps[0].id"
    assert dotted(()) == ""


def test_what_the_branches_of_a_union_say_is_one_fault() -> None:
    errors = [
        {"loc": ("to", "str"), "type": "string_type", "msg": "Input should be a valid string", "input": 5},
        {"loc": ("to", "list[str]"), "type": "list_type", "msg": "Input should be a valid list", "input": 5},
    ]
    assert faults_of(errors) == [Fault("to", "should be text or a list, not '5'")]


def test_the_branch_that_fits_tells_where_inside() -> None:
    errors = [
        {"loc": ("to", "str"), "type": "string_type", "msg": "Input should be a valid string", "input": [5]},
        {"loc": ("to", "list[str]", 0), "type": "string_type", "msg": "Input should be a valid string", "input": 5},
    ]
    assert faults_of(errors) == [Fault("to[0]", "should be text, not '5'")]


def test_a_value_is_cut_in_a_reason() -> None:
    error = {"loc": ("a",), "type": "string_type", "msg": "", "input": 10**200}
    assert len(faults_of([error])[0].reason) < 100
