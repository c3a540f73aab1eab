"""Small files in the format of Picbreeder's genomes.

The format is that of the files in github.com/JoostHuizinga/cppnx (CanalizationPicbreederGenomes,
and `cppn-x/include/CE_Xml.h`) and github.com/akarshkumar0101/fer (picbreeder_genomes). The networks
here are made up.
"""

import io
import zipfile

IN = {"bias": 0, "d": 1, "x": 2, "y": 3}
INK, HUE, SATURATION, BRIGHTNESS = 4, 5, 6, 7
LABELS = {INK: "ink", HUE: "hue", SATURATION: "saturation", BRIGHTNESS: "brightness"}


def node(id_, activation="identity(x)", *, label=None, kind="hidden", bias=None):
    named = "" if label is None else f' label="{label}"'
    biased = "" if bias is None else f' affinity="grey" bias="{bias}"'
    return (
        f'<node{biased}{named} type="{kind}"><marking branch="576" id="{id_}"/>'
        f"<activation>{activation}</activation></node>"
    )


def link(source, target, weight):
    return (
        f'<link><marking branch="576" id="{1000 + source * 37 + target}"/>'
        f'<source branch="576" id="{source}"/><target branch="576" id="{target}"/>'
        f"<weight>{weight}</weight></link>"
    )


def document(nodes, links):
    """Write a genome with the four inputs, and more nodes and links."""
    nodes = [*(node(id_, label=label, kind="in") for label, id_ in IN.items()), *nodes]
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<data version="1.0">'
        '<genome age="74"><identifier branch="576" id="289"/>'
        f'<parents count="0"/><nodes count="{len(nodes)}">{"".join(nodes)}</nodes>'
        f'<links count="{len(links)}">{"".join(links)}</links></genome></data>\n'
    ).encode()


def network(outputs, hidden=(), links=()):
    """Write one of outputs {id: activation}, hidden nodes (id, activation) and links."""
    nodes = [
        *(
            node(id_, each, label=LABELS[id_], kind="out", bias=0.0)
            for id_, each in outputs.items()
        ),
        *(node(id_, each, bias=0.0) for id_, each in hidden),
    ]
    return document(nodes, [link(*each) for each in links])


def grey(activation="gaussian(x)"):
    """Write a grey picture: the activation of x + 2 d - 0.5, of which the ink is 0.8."""
    return network(
        {INK: "identity(x)"},
        [(9, activation)],
        [(2, 9, 1.0), (1, 9, 2.0), (0, 9, -0.5), (9, INK, 0.8)],
    )


def coloured():
    """Write a picture of all hues: the hue is sin(3 x), the saturation y, the brightness d."""
    return network(
        {HUE: "sin(x)", SATURATION: "sigmoid(x)", BRIGHTNESS: "gaussian(x)"},
        [],
        [(2, HUE, 3.0), (3, SATURATION, 3.0), (1, BRIGHTNESS, 0.7), (BRIGHTNESS, HUE, 0.5)],
    )


def zipped(*files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(files):
            archive.writestr(str(number), file)
    return memory.getvalue()
