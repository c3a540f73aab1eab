"""Turns the genomes of a neat-python checkpoint into JSON: ``python -m neatfool.cppn.checkpoint``.

A checkpoint is a pickle, which runs what its author put into it. So nothing of neatfool's reads
one but this command, which says so and asks first; neat-python itself reads it.
"""

from pathlib import Path

import click
import neat

from neatfool.cppn.exchange.neat_json import write_neat_json
from neatfool.cppn.exchange.network import NeatNetwork
from neatfool.errors import GenomeError
from neatfool.run.folder import save

RUNS = """\
{file} is a pickle. To read it, this calls
    neat.Checkpointer.restore_checkpoint("{file}")
which runs any code that the file's author put into it, with all your rights."""


@click.command(
    epilog="""\b
Examples:
  python -m neatfool.cppn.checkpoint neat-checkpoint-49 genomes
  neatfool graph genomes/1234.json

If your genomes are of a class of your own, run this where Python finds it."""
)
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Trust the file, and do not ask.")
def convert(checkpoint: Path, folder: Path, *, yes: bool) -> None:
    """Write each genome of CHECKPOINT, a file of neat.Checkpointer, to FOLDER as KEY.json."""
    click.echo(RUNS.format(file=checkpoint))
    if not yes:
        click.confirm("Do you trust its author?", abort=True)
    population = neat.Checkpointer.restore_checkpoint(str(checkpoint))
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for key, genome in population.population.items():
        try:
            network = NeatNetwork.of(genome, population.config)
        except GenomeError as error:
            click.echo(f"genome {key} is left out: {error}", err=True)
            continue
        fitness = {} if genome.fitness is None else {"fitness": float(genome.fitness)}
        facts = {"genome_id": key, "generation": population.generation, **fitness}
        save(folder / f"{int(key)}.json", write_neat_json(network, **facts).encode())
        written.append((fitness.get("fitness", float("-inf")), key))
    if not written:
        raise click.ClickException(f"{checkpoint}: no genome of it can be written")
    fittest, key = max(written)
    known = "" if fittest == float("-inf") else f"; the fittest is {key}.json, {fittest:g}"
    click.echo(f"{folder}: {len(written)} genomes{known}")


if __name__ == "__main__":
    convert()
