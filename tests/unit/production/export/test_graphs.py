"""Torch, the graph in 32 bits and the graph in 8 bits say the same; what cannot be exported says so."""

import numpy as np
import onnx
import pytest
import torch

from salesforecast_lib.models.networks.encoders import ENCODERS
from salesforecast_lib.models.networks.heads import running_product
from salesforecast_lib.models.networks.parametric import HEADS
from salesforecast_lib.models.windows import PanelTensor
from salesforecast_lib.production.export import check_exportable, quantise_graph, write_step_graph, write_window_graph
from salesforecast_lib.production.export import network as graphs
from salesforecast_lib.production.live import open_session
from tests.unit.production.made_run import made_live, made_run, read_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return read_run(made_run(tmp_path_factory.mktemp("run")))


def batch_of(network, table, count):
    """Windows of several lengths, the last of them of a young series."""
    words, told = network.vocabulary, (network.window, network.horizon, network.season)
    tensor = PanelTensor(table.frame, words, *told)
    origins = tensor.origins(table.frame["ds"].min(), table.frame["ds"].max())
    return tensor.gather(torch.as_tensor(np.sort(np.concatenate([origins[:count], origins[-3:]]))))


def answers(path, batch):
    session = open_session(path)
    given = {each.name: getattr(batch, each.name).numpy() for each in session.get_inputs()}
    return session.run(["mean", "quantiles"], given)


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoder, head", [*((name, "quantiles") for name in graphs.EXPORTED_ENCODERS), ("gru", "gaussian")]
)
def test_every_encoder_and_head_that_can_be_exported(run, tmp_path, encoder, head):
    table, meta, _ = run
    network = made_live(table, meta, encoder=encoder, head=head)
    exact = write_window_graph(network, tmp_path / "exact.onnx")
    small = quantise_graph(exact, tmp_path / "small.onnx")
    for count in (1, 40):  # other numbers of windows than the one that was traced
        batch = batch_of(network, table, count)
        with torch.no_grad():
            wanted = [each.numpy() for each in network.model.predict(batch)]
        for ours, theirs in zip(answers(exact, batch), wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
        for ours, theirs in zip(answers(small, batch), wanted, strict=True):
            assert np.median(np.abs(ours - theirs) / (0.05 + np.abs(theirs))) < 0.05
            assert np.abs(ours - theirs).max() > 0, "eight bits are not thirty-two"
    quantised = {node.op_type for node in onnx.load(small).graph.node}
    assert ("DynamicQuantizeLSTM" in quantised) == ("lstm" in encoder)


def test_what_cannot_be_exported_says_what_can(run, tmp_path):
    table, meta, _ = run
    for head in set(HEADS) - set(graphs.EXPORTED_HEADS):
        with pytest.raises(ValueError, match=f"head='{head}'.*expected one of.*quantiles"):
            check_exportable({"head": head})
    for encoder in set(ENCODERS) - set(graphs.EXPORTED_ENCODERS):
        with pytest.raises(ValueError, match=f"encoder='{encoder}': cannot be exported, .*; expected one of.*'lstm'"):
            write_window_graph(made_live(table, meta, encoder=encoder), tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="carries no state; expected encoder to be one of"):
        graphs.carried_size(made_live(table, meta, encoder="transformer").model)


@pytest.mark.parametrize("encoder, layers", [("lstm", 2), ("gru", 1)])
def test_a_step_of_the_state_is_a_step_of_the_encoder(run, tmp_path, encoder, layers):
    table, meta, _ = run
    network = made_live(table, meta, encoder=encoder, num_layers=layers)
    session = open_session(write_step_graph(network, tmp_path / "step.onnx"))
    rng = np.random.default_rng(0)
    days = rng.normal(size=(4, 3, network.vocabulary.input_size)).astype("float32")
    carried = np.zeros((4, graphs.carried_size(network.model)), dtype="float32")
    for step in range(3):
        (carried,) = session.run(None, {"inputs": days[:, step], "carried": carried})
    with torch.no_grad():
        wanted, _ = network.model.encoder.carry(torch.as_tensor(days), torch.full((4,), 3), None)
    begin, end = graphs.encoded_part(network.model)
    np.testing.assert_allclose(carried[:, begin:end], wanted, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_the_product_for_onnx_has_the_bits_of_cumprod(count, monkeypatch):
    values = torch.sigmoid(torch.randn(50, 9, count, generator=torch.Generator().manual_seed(count)))
    wanted = running_product(values)
    assert torch.equal(wanted, torch.cumprod(values, -1))
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert torch.equal(running_product(values), wanted)


def test_a_graph_whose_lstm_stayed_as_it_was_is_refused(run, tmp_path, monkeypatch):
    table, meta, _ = run
    exact = write_window_graph(made_live(table, meta), tmp_path / "exact.onnx")
    from salesforecast_lib.production.export import quantise

    monkeypatch.setattr(quantise, "_OPERATORS", ["MatMul"])
    with pytest.raises(ValueError, match="its LSTM stayed in 32 bits"):
        quantise_graph(exact, tmp_path / "small.onnx")


def test_the_same_network_is_exported_once_and_anew_when_a_weight_has_changed(run, tmp_path, monkeypatch):
    table, meta, _ = run
    network, exports = made_live(table, meta), []
    real = torch.onnx.export
    monkeypatch.setattr(torch.onnx, "export", lambda *told, **more: exports.append(1) or real(*told, **more))
    first, again = (write_step_graph(network, tmp_path / name).read_bytes() for name in ("one.onnx", "two.onnx"))
    assert first == again and len(exports) == 1
    with torch.no_grad():
        network.model.encoder.cell.weight_hh_l0.mul_(2.0)
    assert write_step_graph(network, tmp_path / "three.onnx").read_bytes() != first and len(exports) == 2
    write_window_graph(network, tmp_path / "four.onnx")
    assert len(exports) == 3, "another graph of the same network"
