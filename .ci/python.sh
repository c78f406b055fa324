# Sourced by the steps that run Python: `with_packages WORK REQUIREMENTS` installs what is pinned
# into WORK, and sets `python`.
with_packages() {
    mkdir -p "$1"
    if [ ! -x "$1/venv/bin/python" ]; then
        python3 -m venv "$1/venv" || {
            # Debian without python3-venv: a folder of packages does as well.
            rm -rf "$1/venv"
            python3 -m pip install --quiet --target "$1/packages" -r "$2"
        }
    fi
    if [ -x "$1/venv/bin/python" ]; then
        "$1/venv/bin/python" -m pip install --quiet -r "$2"
        python="$1/venv/bin/python"
    else
        export PYTHONPATH="$PWD/$1/packages"
        python=python3
    fi
}
