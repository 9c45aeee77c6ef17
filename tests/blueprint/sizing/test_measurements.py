"""The estimates against published start-up measurements of real engines: what docs/foresight.md says of them holds."""

import statistics

import pytest
import yaml

from tests.blueprint.sizing.models import MODELS, ROOT, bench

ROWS = bench().rows()


def test_there_are_enough_rows_each_with_a_source():
    rows = yaml.safe_load((ROOT / "bench/fit/measurements.yaml").read_text())
    assert len(rows) >= 25
    assert all(row["source"] and row["model"] in MODELS for row in rows)


def test_weights_are_within_two_percent_in_the_median_and_five_at_worst():
    errors = [abs(row.weights_error) for row in ROWS if row.weights_error is not None and not row.chose]
    assert statistics.median(errors) <= 0.02
    assert max(errors) <= 0.05


def test_bytes_per_token_follow_from_the_dimensions():
    assert all(row.token_error == pytest.approx(0, abs=0.02) for row in ROWS if row.token_error is not None)


@pytest.mark.parametrize("chose", [False, True])
def test_the_kv_cache_is_within_ten_percent_in_the_median_and_inside_the_band(chose):
    rows = [row for row in ROWS if row.inside is not None and row.chose == chose]
    assert len(rows) >= 10
    assert statistics.mean(row.inside for row in rows) >= 0.95
    assert statistics.median(abs(row.errors()[0] / row.kv) for row in rows) <= 0.10


def test_no_clear_verdict_was_wrong():
    assert bench().wrong_verdicts(ROWS) == []


def test_the_plain_rule_is_further_off():
    off = [tuple(map(abs, row.errors())) for row in ROWS if row.errors() is not None and not row.chose]
    assert statistics.median(ours for ours, _ in off) < statistics.median(plain for _, plain in off)


def test_the_bench_prints_its_summary(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["fit.py"])
    bench().main()
    printed = capsys.readouterr().out
    assert "Rows that did not: " in printed
    assert "WRONG" not in printed
