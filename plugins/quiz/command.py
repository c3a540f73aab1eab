"""The command ``neatfool quiz``, which writes a page that asks people what they see."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import click

from neatfool.present import FOLDER, FileToWrite, FiniteRange, make_command, trust_option
from neatfool.wording import counted, slug

NONE_OR_MORE: Final = click.IntRange(min=0)


@trust_option
@make_command
def quiz(
    paths: Sequence[Path],
    *,
    out: Annotated[Path, "-o, --out FILE", FileToWrite()] = Path("quiz.html"),
    in_distribution: Annotated[Path | None, "FOLDER", FOLDER] = None,
    classes: Annotated[Sequence[str], "A,B"] = (),
    least: Annotated[float, "P", FiniteRange(0, 1)] = 0.5,
    sample: Annotated[int, "N"] = 16,
    photographs: Annotated[int, "N", NONE_OR_MORE] = 5,
    noise: Annotated[int, "N", NONE_OR_MORE] = 3,
    seed: int = 1,
    design: Annotated[str, "NAME|FILE"] = "five-choices",
    players: Annotated[int, "N"] = 100,
    prestudy: Annotated[Sequence[Path], "FILE"] = (),
    ask: Annotated[str | None, "URL"] = None,
    model: Annotated[str | None, "NAME"] = None,
    key_env: Annotated[str | None, "NAME"] = None,
    max_queries: Annotated[int | None, "N"] = None,
) -> None:
    """Write a page that asks people what they see in images.

    It is a game of five minutes, one HTML file that needs no server. Players save their answers as
    CSV. Beside it, quiz.design.json preregisters the quiz; it holds the key, so keep it from
    players.

    Args:
        paths: The runs, or the folders that hold them.
        out: The page.
        in_distribution: Photographs to ask about: a folder, perhaps with a folder for each class,
            or with MNIST's files.  [default: the target's own]
        classes: Only elites of these classes, by name or index; a comma in a name: `"a, b",c`.
        least: Only elites of which the network is this sure.
        sample: So many evolved images in all, drawn at random.
        photographs: So many photographs. None, or labelled ones, need no network.
        noise: So many images of noise.
        seed: Where all that is drawn at random comes from.
        design: Another design: `two-choices`, `near-choices`, `many-choices`, `encodings` or
            `best-images`; or a quiz.design.json, which decides in place of the options.
        players: So many players are planned.
        prestudy: Earlier answers, by which `best-images` finds the best images; repeatable.
        ask: Ask a vision-language model, too, by an OpenAI-like API at this address.
        model: Its name there.
        key_env: The environment variable with the API's key.
        max_queries: So many requests may be sent.  [default: none]

    Examples:
        neatfool quiz runs/mnist-1
        neatfool quiz runs/imagenet-1 --in-distribution photographs --sample 30 -o class.html
        neatfool quiz runs/paper-1 runs/patterns-1 --least 0.9 --photographs 3 --noise 5
        neatfool quiz runs/imagenet-1 --design two-choices --players 200 --seed 2
        neatfool quiz runs/paper --design best-images --prestudy answers.csv --classes 1,2
        neatfool quiz runs/a-1 --ask https://HOST/v1 --model M --key-env A_KEY --max-queries 40

        neatfool recognise reads the answers.
    """
    from neatfool import ExperimentError, open_runs
    from neatfool.present import Output

    from . import questions
    from .designs import DESIGNS, QuizSettings, read_design, save_design

    if (ask is None) != (model is None):
        raise ExperimentError("--ask and --model: give both, or none")
    console, interview = Output(stderr=True), None
    plan = None if design in DESIGNS else read_design(Path(design))
    settings = (
        plan.settings
        if plan
        else QuizSettings(
            design=design,
            seed=seed,
            classes=tuple(classes),
            least=least,
            sample=sample,
            photographs=photographs,
            noise=noise,
            players=players,
        )
    )
    wanted = settings.photographs if settings.rules.nothing else 0
    asks_network = wanted > 0 and in_distribution is None
    with (
        open_runs(paths, scored=asks_network, for_classifiers="neatfool quiz") as runs,
        console.status("choosing images"),
    ):
        shown = questions.choose_questions(runs, settings, in_distribution, prestudy)
        real = sum(each.kind == "photograph" for each in shown)
        if real < wanted:
            there = counted(real, "photograph", "photographs")
            console.say(f"There are only {there}; give more with --in-distribution.")
        made = questions.preregister(shown, settings)
        if plan is not None and made != plan:
            raise ExperimentError(
                f"{design}: these runs give other questions than the design; give the same runs "
                "and photographs, as they were, or plan another quiz with --design NAME"
            )
        if ask is not None and model is not None:
            from .language_model import Interview, ModelEndpoint

            endpoint = ModelEndpoint(ask, model, key_env, max_queries or 0, console)
            answers = out.with_name(f"answers-{out.stem}-{slug(model)}.csv")
            interview = Interview(shown, made, answers, endpoint, console)
        save_design(made, out.with_suffix(".design.json"))
        questions.write_page(shown, made, out)
    click.echo(f"Look at {out}; its design is {out.with_suffix('.design.json')}")
    if interview is not None:
        interview.ask()
        click.echo(interview.summary())
