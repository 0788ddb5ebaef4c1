"""No code of the suite unpickles a file, evaluates text or starts a shell; and the search for it finds all of that."""

from pathlib import Path

import pytest

from tests.security.calls import problems

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for part in ("alpa", "pipeline", "performance") for path in (ROOT / part).rglob("*.py"))

# The calls that go to the workers of a Dask cluster, and their results, are pickled and unpickled by Dask itself. The
# link is trusted, as SECURITY.md says: whoever reaches a scheduler may run code there anyway, so beyond one machine it
# takes TLS, as the README says under Scale. No file comes into it: `_checked_call` opens bytes that `_send` packed.
# joblib's workers, likewise, are given calls through pipes of this very process.
ALLOWED = {("alpa/training/cluster.py", "pickle.loads")}

PLANTED = [
    "import pickle\npickle.load(file)",
    "import pickle\npickle.loads(content)",
    "import pickle as p\np.loads(content)",
    "from pickle import loads\nloads(content)",
    "from pickle import load as read\nread(file)",
    "from pickle import *",
    "import pickle\npickle.Unpickler(file).load()",
    "import pickle\nmap(pickle.loads, contents)",
    "import pickle\ngetattr(pickle, name)(content)",
    "import importlib\nimportlib.import_module('pickle')",
    "__import__('pickle').loads(content)",
    "import cloudpickle\ncloudpickle.loads(content)",
    "import torch\ntorch.load(path)",
    "import torch\ntorch.load(path, weights_only=True)",
    "from torch import load\nload(path)",
    "def read(path):\n    import torch as t\n    return t.load(path)",
    "import joblib\njoblib.load(path)",
    "import numpy as np\nnp.load(path)",
    "import numpy as np\nnp.load(path, allow_pickle=True)",
    "import numpy as np\nnp.load(path, allow_pickle=maybe)",
    "import numpy as np\nnp.lib.format.read_array(file)",
    "import numpy as np\nnp.lib.format.read_array(file, allow_pickle=True)",
    "import pandas as pd\npd.read_pickle(path)",
    "import shelve\nshelve.open(path)",
    "import marshal\nmarshal.loads(content)",
    "import yaml\nyaml.load(text)",
    "import yaml\nyaml.load(text, yaml.Loader)",
    "import yaml\nyaml.load(text, Loader=yaml.FullLoader)",
    "import yaml\nclass Own(yaml.FullLoader): ...\nyaml.load(text, Own)",
    "import yaml\nyaml.unsafe_load(text)",
    "eval(text)",
    "exec(text)",
    "import os\nos.system(text)",
    "import subprocess\nsubprocess.run(text, shell=True)",
    "from subprocess import Popen\nPopen(text, shell=maybe)",
]
HARMLESS = [
    "import json\njson.load(file)",
    "import numpy as np\nnp.load(path, allow_pickle=False)",
    "import yaml\nyaml.safe_load(text)\nyaml.load(text, Loader=yaml.CSafeLoader)",
    "import yaml\nclass Own(yaml.SafeLoader): ...\nyaml.load(text, Own)",
    "model.eval()",
    "import re\nre.compile(text)",
    "import subprocess\nsubprocess.run(['git', 'status'], shell=False)",
    "import pickletools\npickletools.genops(content)",
    "import pickle\npickle.dumps(value)",
    "from safetensors.torch import load\nload(content)",
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_is_ever_unpickled(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    found = {(name, problem) for _, problem in problems(path.read_text(encoding="utf-8"))}
    assert found == {allowed for allowed in ALLOWED if allowed[0] == name}


@pytest.mark.parametrize("source", PLANTED)
def test_what_would_run_what_it_reads_is_found(source: str) -> None:
    assert list(problems(source))


@pytest.mark.parametrize("source", HARMLESS)
def test_what_runs_nothing_is_not_found(source: str) -> None:
    assert list(problems(source)) == []
