"""What a run learnt, as one HTML file that needs nothing else."""

import base64
import html
import io
from pathlib import Path

import torch
import yaml
from matplotlib.figure import Figure
from torch import Tensor

from shared.anomaly import auroc, fit_threshold
from shared.autoencoders.figures import code_map, image_rows, tiles
from shared.autoencoders.linear import PCA
from shared.autoencoders.training import LitAutoencoder
from shared.digits.compare import judge
from shared.digits.data import Examples, read_examples
from shared.generation import GaussianPrior, MixturePrior, grid, interpolate
from shared.penalties import squared_error
from shared.retrieval import CodeIndex

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui;max-width:52rem;margin:2rem auto;padding:0 1rem}}
img{{max-width:100%;background:#fff}}</style><h1>{title}</h1>{body}</html>
"""


def write_report(run: str | Path, output: str | Path, source: str | None = None) -> Path:
    """The HTML file, written: the run's figures and pictures on its held-out examples.

    Raises ValueError when ``run`` holds no config.yaml or no checkpoint.
    """
    run, output = Path(run), Path(output)
    config_file, checkpoints = run / "config.yaml", sorted(run.glob("checkpoints/*.ckpt"))
    if not config_file.is_file() or not checkpoints:
        raise ValueError(f"{run} holds no finished run (config.yaml and checkpoints/*.ckpt)")
    data = yaml.safe_load(config_file.read_text(encoding="utf-8"))["data"]
    newest = max(checkpoints, key=lambda path: path.stat().st_mtime)
    lit = LitAutoencoder.load_from_checkpoint(newest, map_location="cpu", weights_only=True)
    examples = read_examples(source or data["source"], data.get("image_size"))
    torch.manual_seed(0)  # the same samples in every report of a run
    parts = sections(lit.network.eval(), examples)
    body = "".join(f"<h2>{html.escape(name)}</h2>{content}" for name, content in parts)
    output.write_text(_PAGE.format(title=html.escape(run.name), body=body), encoding="utf-8")
    return output


@torch.no_grad()
def sections(network: torch.nn.Module, examples: Examples) -> list[tuple[str, str]]:
    """Name and HTML of each part of the report; pictures only where examples are images."""
    row = judge("run", network, examples)
    codes = network.encode(examples.held_out)
    plane = codes if codes.shape[1] == 2 else PCA([codes.shape[1]], 2).fit(codes).encode(codes)
    labels = examples.held_out_label.tolist()
    parts = [
        ("Figures", _figures(row, network, examples)),
        ("Map of the codes", _picture(code_map(plane, labels, "held-out codes in the plane"))),
    ]
    if examples.train.ndim != 4:
        return parts
    x, x_hat = examples.held_out[:10], network(examples.held_out[:10])
    parts.insert(1, ("Reconstructions", _picture(image_rows({"input": x, "output": x_hat}))))
    trained = network.encode(examples.train)
    found = CodeIndex(trained, "euclidean").search(codes[:5], 9).index
    rows = {
        f"query {i + 1}": torch.cat([x[i : i + 1], examples.train[near]])
        for i, near in enumerate(found)
    }
    parts.append(("Neighbours", _picture(image_rows(rows))))
    errors = squared_error(network(examples.held_out), examples.held_out)
    oddest = examples.held_out[errors.topk(min(10, len(errors))).indices]
    parts.append(("Oddest held-out images", _picture(image_rows({"odd": oddest}))))
    normal = GaussianPrior.fit(trained)
    samples = network.decode(normal.sample(30))
    parts.append(("Samples of a normal prior", _picture(tiles(samples, 10))))
    parts.append(("Samples of a mixture of ten normals", _picture(_mixture(network, trained))))
    parts.append(("Along the main directions of the codes", _picture(_directions(network, normal))))
    way = network.decode(interpolate(codes[0], codes[1], 10))
    parts.append(("From one code to another", _picture(tiles(way, 10))))
    if codes.shape[1] == 2:
        plane = network.decode(grid(trained, 12))
        parts.append(("The plane of codes, decoded", _picture(tiles(plane, 12))))
    return parts


def _mixture(network: torch.nn.Module, codes: Tensor) -> Figure:
    """The thirty likeliest of sixty samples, likeliest first."""
    prior = MixturePrior.fit(codes, min(10, len(codes)))
    drawn = prior.sample(60)
    likeliest = prior.log_probability(drawn).topk(30).indices
    return tiles(network.decode(drawn[likeliest]), 10)


def _directions(network: torch.nn.Module, prior: GaussianPrior) -> Figure:
    """A row for each of the first directions, from -2.5 to 2.5 deviations around the mean."""
    steps = torch.linspace(-2.5, 2.5, 9)
    rows = {}
    for i in range(min(5, len(prior.deviations))):
        along = torch.zeros(9, len(prior.deviations))
        along[:, i] = steps
        rows[f"direction {i + 1}"] = network.decode(prior.from_coordinates(along))
    return image_rows(rows)


def _figures(row: tuple, network: torch.nn.Module, examples: Examples) -> str:
    clean = squared_error(network(examples.held_out), examples.held_out)
    shuffled = examples.held_out.flatten(1)[:, torch.randperm(network.n_inputs)]
    shuffled = shuffled.view_as(examples.held_out)
    odd = squared_error(network(shuffled), shuffled)
    trained = squared_error(network(examples.train), examples.train)
    # fewer than nineteen examples bear no threshold at 5 %
    threshold = fit_threshold(trained, max(0.05, 1 / len(trained)))
    facts = {
        "code dimensions": row.code_dim,
        "squared error per held-out example": f"{row.error:.3f}",
        f"held-out examples above the threshold of {threshold.value:.3f}, which "
        f"{100 * threshold.rate:.0f} % of the training ones exceed": (
            f"{100 * threshold.is_odd(clean).float().mean():.1f} %"
        ),
        "AUROC against the same examples with shuffled elements": f"{auroc(clean, odd):.3f}",
    }
    if int(examples.train_label.max()) > 0:
        facts["accuracy of five nearest neighbours on codes"] = f"{row.knn:.3f}"
        facts["precision@10 of retrieval"] = f"{row.precision:.3f}"
        facts["recall@100 of retrieval"] = f"{row.recall:.3f}"
    items = "".join(f"<li>{html.escape(name)}: {value}</li>" for name, value in facts.items())
    return f"<ul>{items}</ul>"


def _picture(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return (
        f'<img alt="" src="data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}">'
    )
