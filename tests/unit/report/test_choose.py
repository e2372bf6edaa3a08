from rlkd_data.report.choose import Chooser


def chooser(names, *, most_rows=10, most_size=10_000, each=0, pinned=(), group="g"):
    found = Chooser(most_rows, most_size, each, pinned)
    for name in names:
        found.add(name, group, 10)
    return found


def names(count):
    return [f"row {number}" for number in range(count)]


def test_everything_that_fits_is_chosen():
    found = chooser(names(10))
    assert found.chosen() == set(names(10))
    assert not found.left_out


def test_no_more_than_so_many_rows_and_so_much_text():
    assert len(chooser(names(1000)).chosen()) == 10
    by_size = chooser(names(1000), most_size=55)
    assert len(by_size.chosen()) == 5
    assert by_size.left_out


def test_the_order_and_repetition_of_rows_do_not_change_the_choice():
    assert chooser(names(1000)).chosen() == chooser([*reversed(names(1000)), *names(1000)]).chosen()


def test_two_tables_with_the_same_names_agree():
    whole, part = chooser(names(1000)).chosen(), chooser(names(500)).chosen()
    assert {name for name in whole if name in set(names(500))} <= part


def test_memory_is_for_the_chosen_names_alone():
    found = chooser(names(20_000))
    assert len(found._found) <= 4 * found.most_rows


def test_some_of_every_group_are_kept_however_rare():
    found = chooser(names(5000), each=2)
    for number in range(3):
        found.add(f"rare {number}", "rare", 10)
    assert sum(name.startswith("rare") for name in found.chosen()) >= 2


def test_pinned_names_come_first():
    assert {"row 7", "row 4321"} <= chooser(names(5000), pinned=["row 7", "row 4321"]).chosen()


def test_a_row_larger_than_the_page_is_chosen_only_if_it_is_the_first():
    found = Chooser(5, 100, 0)
    found.add("huge", "g", 5000)
    assert found.chosen() == {"huge"}
