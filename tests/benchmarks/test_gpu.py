"""``python -m benchmarks --gpu``, where there is no GPU."""

import pytest
import torch


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_same_code_runs_and_judges_only_what_it_can(monkeypatch):
    from benchmarks import gpu

    monkeypatch.setattr(gpu, "GENOMES_ON_CPU", 3)
    monkeypatch.setattr(gpu, "DIFFERENTIATED", 2)
    monkeypatch.setattr(gpu, "middle", lambda *_, bound, **__: gpu.Figure("run", 1.0, bound))
    told: list[str] = []
    found = gpu.figures(told.append)
    assert "there is no GPU" in told[0]
    assert [figure.holds for figure in found] == [None, None, None, True, None, None]
