"""Tables: standardised, or one line with the row and column that is wrong."""

import pytest
import torch

from shared.tables import read_table


def test_columns_have_mean_zero_and_deviation_one(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,10\n2,30\n6,20\n")
    table = read_table(tmp_path / "t.csv")
    assert table.names == ["a", "b"]
    torch.testing.assert_close(table.x.mean(0), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(table.x.std(0, correction=0), torch.ones(2))
    rebuilt = table.x * table.deviation + table.mean
    torch.testing.assert_close(rebuilt[:, 0], torch.tensor([1.0, 2.0, 6.0]))


def test_a_table_without_names_loses_no_row(tmp_path):
    (tmp_path / "t.csv").write_text("1,2\n3,5\n")
    assert len(read_table(tmp_path / "t.csv").x) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\nnan,3\n", "row 3, a: nan is not a finite number"),
        ("a,b\n1,2\n,3\n", "row 3, a: an empty cell"),
        ("a\n1\n2\n", "one column"),
        ("a,b\n1,2\n", "at least two"),
        ("a,b\n1,2\n1,3\n", "a is the same in every row"),
        ("a,b\n1,2\n1\n", "1 cells, but 2 columns"),
        ("", "empty"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "t.csv")
