"""Finds the packages, whose folders have shorter names than they; setup.cfg has all else."""

from setuptools import find_packages, setup

FOLDERS = {
    "neatfool": "neatfool",
    "neatfool_experiments": "experiments",
    "neatfool_plugins": "plugins",
}

setup(
    package_dir=FOLDERS,
    packages=[
        *FOLDERS,
        *(
            f"{name}.{package}"
            for name, folder in FOLDERS.items()
            for package in find_packages(folder, exclude=["*.templates", "*.templates.*"])
        ),
    ],
)
