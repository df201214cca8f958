"""The folder of a model as MLflow keeps and serves it: a file of code, what the code loads, and the libraries it needs.

What belongs here: writing it, for `mlflow.models.Model.log` or to be logged with other files. What does not: registering it
(`models.registry`, `models.cases.registry`) and the code that serves (`models.mlflow_model`, `models.cases.served`).

MLflow's own `pyfunc.save_model` writes the same files, but first reads the list of files of every installed distribution, to warn
of libraries whose version is not the wanted one. Here the wanted ones are those that are installed, so there is nothing to find.
"""

import platform
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

_CONDA, _PYTHON, _REQUIREMENTS, _MODEL = "conda.yaml", "python_env.yaml", "requirements.txt", "MLmodel"


def save_model(
    path: Path | str, mlflow_model: Any = None, *, code: Path, artifacts: Mapping[str, Path], libraries: Sequence[str]
) -> None:
    """Writes the folder.

    Args:
        path: The folder; made if it is not there.
        mlflow_model: The `mlflow.models.Model` that it describes. Default: one that belongs to no run.
        code: A file of Python that calls `mlflow.models.set_model`; it is copied.
        artifacts: Files by the name under which the code finds them in its context; they are copied, too.
        libraries: What the code needs, as installed here.
    """
    from mlflow.models import Model
    from mlflow.pyfunc import add_to_model
    from mlflow.pyfunc.loaders import code_model

    folder = Path(path)
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    for file in artifacts.values():
        shutil.copy(file, folder / "artifacts" / file.name)
    shutil.copy(code, folder / code.name)
    for name, text in _environment(tuple(libraries)).items():
        (folder / name).write_text(text, encoding="utf-8")
    model = mlflow_model or Model()
    add_to_model(
        model,
        loader_module=code_model.__name__,
        model_code_path=code.name,
        artifacts={name: {"path": f"artifacts/{file.name}", "uri": file.name} for name, file in artifacts.items()},
        conda_env=_CONDA,
        python_env=_PYTHON,
        streamable=False,
    )
    model.model_size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    model.save(str(folder / _MODEL))


@cache
def _environment(libraries: tuple[str, ...]) -> dict[str, str]:
    """What to install, for pip, for virtualenv and for conda: files' texts by name."""
    import yaml

    python = platform.python_version()
    requirements = [f"{library}=={version(library)}" for library in libraries]
    virtualenv = {"python": python, "build_dependencies": ["pip", "setuptools", "wheel"], "dependencies": [f"-r {_REQUIREMENTS}"]}
    packages = [f"python={python}", "pip", {"pip": requirements}]
    conda = {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": packages}
    return {
        _REQUIREMENTS: "\n".join(requirements),
        _PYTHON: yaml.safe_dump(virtualenv, sort_keys=False),
        _CONDA: yaml.safe_dump(conda, sort_keys=False),
    }
