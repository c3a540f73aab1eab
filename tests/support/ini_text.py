"""The text of experiments, from their sections."""


def ini(**sections):
    """Write sections with their keys, as ``ini(target={"plugin": "mnist"})``."""
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        for name, keys in sections.items()
    )
