"""The repository agrees with itself: make targets, commands, containers, documents, promises."""

import ast
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.program import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PYTHON = sorted((ROOT / "apps").rglob("*.py"))
# The commands of the design; the rest is the builders' to add.
DESIGNED = {
    *("import_images", "screen_images", "create_study", "extract_features", "export_features"),
    *("build_pools", "plan_assignments", "import_study", "export_study", "report"),
    *("backup", "restore", "simulate_assessors", "create_token"),
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked() -> list[Path]:
    """Files of the repository: git's list, or where there is no git all but what is built."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode == 0:
        paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        built = {".venv", "node_modules", "dist", "var", "__pycache__"}
        paths = [p for p in ROOT.rglob("*") if not built.intersection(p.parts)]
    return [p for p in paths if p.is_file()]


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "ignore")


# --- make -------------------------------------------------------------------------------------
def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize(
    "target",
    [
        *("run", "test", "check", "test-faults", "test-load", "bench", "reference-run"),
        *("screenshots", "format", "types", "schema", "clean", "help"),
    ],
)
def test_make_help_explains(target):
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(rf"^  make {target} +\S.+$", shown.stdout, re.MULTILINE)


def test_make_help_shows_all_that_is_meant_for_people():
    helped = set(re.findall(r"^([a-z-]+):.*  ## ", MAKEFILE, re.MULTILINE))
    parts = {"lint-python", "lint-frontend", "test-python", "test-frontend", "setup", "tools"}
    assert helped | parts == targets()


def test_programs_that_the_makefile_starts_exist():
    named = re.findall(r"(?:scripts|requirements|tests)/[\w./]+", MAKEFILE)
    missing = {name for name in named if not (ROOT / name).exists()}
    assert missing == set()


def test_npm_scripts_that_the_makefile_starts_exist():
    scripts = json.loads((ROOT / "frontend/package.json").read_text())["scripts"]
    named = set(re.findall(r"npm run --silent (\w+)", MAKEFILE))
    assert named <= set(scripts)


def test_ci_runs_what_people_run():
    script = (ROOT / ".ci/run").read_text()
    assert script.rstrip().endswith("CI=true exec make test")
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


# --- tools and versions -------------------------------------------------------------------------
@pytest.fixture
def tools_without(tmp_path):
    """Run the check of tools with stand-ins for what is named, and nothing else in PATH."""

    def run(**stand_ins: str):
        for name, script in stand_ins.items():
            if script:
                program = tmp_path / name
                program.write_text(f"#!/bin/sh\n{script}\n")
                program.chmod(0o755)
        return subprocess.run(
            ["/bin/sh", "scripts/check_tools.sh", "python3"],
            cwd=ROOT,
            env={"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    return run


GOOD_PYTHON, GOOD_NODE = f'exec {sys.executable} "$@"', "exit 0"


@pytest.mark.parametrize(
    ("python3", "node", "npm", "sentence"),
    [
        pytest.param("", GOOD_NODE, "true", r"Python 3\.11 or newer \('python3'", id="no Python"),
        pytest.param(
            'case "$*" in -V) echo Python 3.9.2;; *) exit 1;; esac',
            GOOD_NODE,
            "true",
            r"Python 3\.11 or newer; 'python3' is Python 3\.9\.2",
            id="an old Python",
        ),
        pytest.param(
            'case "$*" in *ensurepip*) exit 1;; *print*) echo 3.11;; esac',
            GOOD_NODE,
            "true",
            r"the venv part of Python; on Debian: apt-get install python3-venv \(or python3\.11-v",
            id="Debian's Python without venv",
        ),
        pytest.param(GOOD_PYTHON, "", "true", r"Node\.js 20\.19 or newer \('node'", id="no Node"),
        pytest.param(
            GOOD_PYTHON,
            'case "$*" in --version) echo v18.20.4;; *) exit 1;; esac',
            "true",
            r"Node\.js 20\.19 or newer; this is v18\.20\.4",
            id="Debian's own Node",
        ),
        pytest.param(GOOD_PYTHON, GOOD_NODE, "", r"npm, which comes with Node\.js", id="no npm"),
    ],
)
def test_a_missing_tool_gets_one_sentence(tools_without, python3, node, npm, sentence):
    done = tools_without(python3=python3, node=node, npm=npm)
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert re.match(rf"Missing: {sentence}", line)


def test_with_all_tools_nothing_is_said(tools_without):
    done = tools_without(python3=GOOD_PYTHON, node=GOOD_NODE, npm="true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_versions_agree_everywhere():
    package = json.loads((ROOT / "frontend/package.json").read_text())
    assert package["engines"]["node"].startswith(">=20.19")
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    server = re.match(r"postgres:(\d+)", compose["services"]["postgres"]["image"]).group(1)
    assert f"postgresql-client-{server}" in dockerfile  # pg_dump refuses a newer server
    assert (ROOT / "requirements/torch.txt").read_text().strip() == "torch==2.13.0"


def test_locks_carry_hashes_and_leave_torch_out():
    for name in ("base.txt", "dev.txt"):
        lock = (ROOT / "requirements" / name).read_text()
        pins = re.findall(r"^([a-z0-9][\w.-]*)==", lock, re.MULTILINE)
        assert len(pins) > 10
        assert lock.count("--hash=sha256:") >= len(pins)
        assert "torch" not in pins
    frontend = json.loads((ROOT / "frontend/package-lock.json").read_text())["packages"]
    fetched = [entry for name, entry in frontend.items() if name and not entry.get("link")]
    assert len(fetched) > 100
    assert all(entry.get("integrity") or entry.get("inBundle") for entry in fetched)


@pytest.mark.parametrize("python", ["3.11.0", "3.11.2", "3.12.0", "3.13.0"])
@pytest.mark.parametrize("locks", [("base.txt",), ("base.txt", "dev.txt")], ids=" and ".join)
def test_the_locks_are_whole_for_every_python(locks, python):
    """A lock is made by one Python; pip refuses it where another one asks for more.

    Debian 12's 3.11.2 is the one that matters: redis wants a package before 3.11.3.
    """
    text = "".join((ROOT / "requirements" / name).read_text() for name in locks)
    pins = {
        canonicalize_name(n) for n in re.findall(r"^([A-Za-z0-9][\w.-]*)==", text, re.MULTILINE)
    }
    short, _, _ = python.rpartition(".")
    markers = {"python_full_version": python, "python_version": short, "extra": ""}
    missing = set()
    for name in pins:
        for line in metadata.requires(name) or []:
            wanted = Requirement(line)
            needed = wanted.marker is None or wanted.marker.evaluate(markers)
            if needed and canonicalize_name(wanted.name) not in pins:
                missing.add(f"{wanted.name} (for {name})")
    assert missing == set()


# --- commands and documents ----------------------------------------------------------------------
@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_in_a_document_exist(document):
    text = read(document)
    # In code only: "make sure" is no command.
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
    made = set(re.findall(r"\bmake ([a-z][a-z-]+)", code))
    managed = set(re.findall(r"manage\.py ([a-z_]+)", code))
    assert made <= targets()
    assert managed - {"help"} <= set(get_commands())


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_files_that_a_document_names_exist(document):
    text = read(document)
    links = {
        (document.parent / link).resolve()
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    }
    rooms = "apps|docs|tests|scripts|frontend|deploy|requirements"
    named = {
        ROOT / name
        for name in re.findall(rf"`((?:{rooms})/[\w./-]+)`", text)
        if not name.startswith(("frontend/dist", "frontend/node_modules"))
    }
    missing = {name_of(path) for path in links | named if not path.exists()}
    assert missing == set()


@pytest.mark.parametrize("name", sorted(DESIGNED & set(get_commands())))
def test_a_command_of_the_design_explains_itself(name):
    command = load_command_class(get_commands()[name], name)
    parser = command.create_parser("manage.py", name)
    assert command.help
    own = [action for action in parser._actions if action.dest not in {"help", "version"}]
    # A name such as COLLECTION says enough.
    undocumented = [action.dest for action in own if not action.help and not action.metavar]
    assert undocumented == []


def test_every_setting_of_the_environment_is_documented():
    reading = re.compile(r"""environment\.\w+\(\s*"([A-Z_]+)\"""")
    names = {name for path in PYTHON for name in reading.findall(read(path))}
    operations = (ROOT / "docs/operations.md").read_text()
    assert len(names) > 8
    assert {name for name in names if f"`{name}`" not in operations} == set()


# --- promises ------------------------------------------------------------------------------------
def test_no_worker_is_said_within_ten_seconds():
    """A worker's silence, then the pages' next question; a second is left for the answer."""
    pages = (ROOT / "frontend" / "src" / "lib" / "jobs.ts").read_text()
    asked = re.search(r"WORKERS_ASKED_EVERY_MS = (\d+);", pages)
    assert asked
    silence = settings.WORKER_SILENT_AFTER_SECONDS
    assert silence + int(asked[1]) / 1000 <= 9
    assert silence >= 3 * settings.WORKER_HEARTBEAT_SECONDS  # two beats may be late


def test_no_file_names_a_machine_of_ours():
    homes = ["work", "root", "farm"]
    place = re.compile(rf"(?<![\w.~$}}>-])/(?:{'|'.join(homes)})/|/home/[a-z]\w*/")
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in tracked()
        if path.suffix not in {".png", ".jpg", ".webp", ".npz", ".lock"}
        and path.name != Path(__file__).name
        for match in place.finditer(read(path))
    ]
    assert found == []


UNSAFE_MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
UNSAFE_CALLS = {"torch.load", "yaml.load", "yaml.unsafe_load", "eval", "exec", "os.system"}


def unsafe_in(source: str) -> list[str]:
    """What would run code that lies in a file: unpickling and its like."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in UNSAFE_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module.split(".")[0] in UNSAFE_MODULES else []
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found += [name] if name in UNSAFE_CALLS else []
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False":
                    found.append("allow_pickle")
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("import pickle", ["pickle"], id="pickle"),
        pytest.param("from joblib import load", ["joblib"], id="joblib"),
        pytest.param("x = torch.load(path)", ["torch.load"], id="torch.load"),
        pytest.param("yaml.load(text)", ["yaml.load"], id="yaml.load"),
        pytest.param("np.load(p, allow_pickle=True)", ["allow_pickle"], id="numpy with pickles"),
        pytest.param("np.load(p, allow_pickle=False)", [], id="numpy without"),
        pytest.param('"""No pickle here."""', [], id="a word in a text"),
    ],
)
def test_the_search_for_unsafe_loading_finds(source, found):
    assert unsafe_in(source) == found


def test_nothing_is_unpickled():
    found = {name_of(path): names for path in PYTHON if (names := unsafe_in(read(path)))}
    assert found == {}


def test_the_web_process_imports_no_heavy_library(tmp_path):
    code = (
        "import apps.config.wsgi, sys\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "get_resolver().reverse_dict\n"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "LIKENESS_DATA": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "apps.config.settings.development",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "django" in loaded
    assert loaded & {"torch", "transformers", "faiss", "sklearn", "skimage", "matplotlib"} == set()


def test_raw_html_only_where_it_is_cleaned():
    places = [
        name_of(path)
        for path in (ROOT / "frontend/src").rglob("*.ts*")
        if "dangerouslySetInnerHTML" in read(path)
    ]
    assert len(places) <= 1


def test_no_view_is_exempt_from_csrf_and_no_serializer_takes_all_fields():
    for path in PYTHON:
        text = read(path)
        assert "csrf_exempt" not in text, path
        assert not re.search(r"""fields\s*=\s*["']__all__["']|^\s+exclude\s*=""", text, re.M), path
