# .venv and its packages: scripts/setup makes, repairs and replaces them.

# Makes .venv, or repairs its Python and leaves its packages alone.
make_venv() {
    # Without that file it would install into the Python from which it was made.
    if suits .venv/bin/python && [ -e .venv/pyvenv.cfg ]; then
        return
    fi
    python=$(find_python)
    if [ -d ".venv/lib/$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')" ]; then
        say "repairing .venv with $("$python" --version)"
        rm -f .venv/bin/python*
    else
        say "making .venv with $("$python" --version)"
        rm -rf .venv
    fi
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --allow-existing --python "$(command -v "$python")" .venv ||
            fail "uv cannot make .venv; its message is above"
    else
        "$python" -m venv .venv ||
            fail "$python cannot make .venv; on Debian: apt-get install python3-venv"
    fi
}

# Makes way for another build of torch, which shares hardly a package with the one in .venv. That
# .venv comes back if the other cannot be installed.
replace_venv() {
    mv .venv .venv.old
    trap bring_back_venv EXIT
    trap 'exit 130' INT
    trap 'exit 143' HUP TERM
    make_venv
}

bring_back_venv() {
    [ -e .venv.old ] || return 0
    # Ready is the one whose requirements are installed.
    if [ ! -e .venv/installed-requirements.txt ]; then
        rm -rf .venv
        mv .venv.old .venv
        say "the .venv that was there before is back"
    fi
    rm -rf .venv.old
}

# requirements.txt, with the torch that was asked for.
requirements() { sed "s/^torch==.*/torch==$version$suffix/" requirements.txt; }

# Installs what is missing, of another version or broken.
install_packages() {
    broken=$(.venv/bin/python -I scripts/environment/packages.py)
    torch=$(installed_torch)
    if [ -z "$broken" ] && [ "${torch%%+*}" = "$version" ] &&
        [ "$(any_torch requirements.txt)" = "$(any_torch .venv/installed-requirements.txt)" ]; then
        [ -e .venv/installed-packages.txt ] || record_packages
        return
    fi
    repair_pip
    install_torch
    others=$(echo "$broken" | sed '/^torch==/d; /^pip==/d' | tr '\n' ' ')
    if [ -n "${others% }" ]; then
        say "reinstalling what is missing or cut off: ${others% }"
        # Split into words on purpose.
        reinstall "${others% }" '' $others
    fi
    requirements >.venv/requirements.txt
    install "torch and more" '' -r .venv/requirements.txt
    record_packages
    # Moved last: without it the next run installs again.
    mv .venv/requirements.txt .venv/installed-requirements.txt
    bring_back_venv
}

is_broken() { echo "$broken" | grep -q "^$1=="; }

record_packages() { .venv/bin/python -I scripts/environment/packages.py --record; }

# pip cannot repair itself, and uv does without it.
repair_pip() {
    if command -v uv || .venv/bin/python -m pip --version; then
        is_broken pip || return 0
    fi >/dev/null 2>&1
    rm -rf .venv/lib/python*/site-packages/pip .venv/lib/python*/site-packages/pip-*.dist-info
    .venv/bin/python -m ensurepip >/dev/null ||
        fail "there is no pip in .venv, and Python cannot make one; on Debian: apt-get install python3-venv"
}

install_torch() {
    if [ "${torch%%+*}" = "$version" ] && ! is_broken torch; then
        return
    fi
    check_room
    say "installing torch $version$suffix and more into .venv (about $size GB; minutes at first)"
    # The index of builds for the CPU has more packages, and older ones: torch alone is taken from it,
    # and is there when the others come with what it needs.
    if [ "$build" = cpu ]; then
        reinstall torch "$cpu_index" "torch==$version$suffix"
    elif is_broken torch; then
        reinstall torch '' "torch==$version"
    fi
}

# reinstall WHAT INDEX PACKAGE…: without what they need.
reinstall() {
    for package in $broken; do
        facts=.venv/lib/python*/site-packages/${package%%==*}-${package#*==}.dist-info
        # Without this list of its files a package cannot be uninstalled, only written over.
        [ -e $facts/RECORD ] || rm -rf $facts
    done
    install "$@" --no-deps --force-reinstall
}

# install WHAT INDEX ARGUMENT…, where WHAT is for a message, and INDEX is empty for the usual one.
install() {
    what=$1 index=$2
    shift 2
    if command -v uv >/dev/null 2>&1; then
        # --index goes before any other that the environment names.
        uv pip install --quiet --python .venv/bin/python ${index:+--index "$index"} "$@" ||
            fail "uv cannot install $what; check network and disk, then run this again"
    else
        .venv/bin/python -m pip install --quiet --disable-pip-version-check \
            ${index:+--index-url "$index"} "$@" ||
            fail "pip cannot install $what; check network and disk, then run this again"
    fi
}

# torch takes so many GB, its packages on the way in as much again where they are kept on this disk.
check_room() {
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024 / 1024) }')
    [ "$free" -gt "$size" ] ||
        fail "$free GB free on this disk; torch needs $((size + 1)), make room first"
}
