# Everything CI runs, by name. Needs the environment of CONTRIBUTING.md in .venv.
bin := ".venv/bin/"

check:
    {{bin}}ruff format --check .
    {{bin}}ruff check .
    {{bin}}mypy
    {{bin}}lint-imports

test *args:
    OMP_NUM_THREADS=1 {{bin}}pytest {{args}}

bench:
    {{bin}}python bench/separate.py
    {{bin}}python bench/bss.py
