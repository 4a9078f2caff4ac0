# What torch is here, and which build of it scripts/setup takes: with CUDA, or without.

cpu_index=${FINAL_LAYER_CPU_INDEX:-https://download.pytorch.org/whl/cpu}

# A list of requirements, whichever torch it names.
any_torch() { sed '/^#/d; s/^torch==.*/torch/' "$1" 2>/dev/null || true; }

# The version of the libtorch in a folder, without what follows the +.
version_of() {
    {
        sed -n "s/^__version__ = '\([^'+]*\).*/\1/p" "$1/version.py" ||
            sed 's/+.*//' "$1/build-version"
    } 2>/dev/null || true
}

# The torch in .venv with its build, as 2.13.0+cpu; nothing if there is none.
installed_torch() {
    sed -n "s/^__version__ = '\(.*\)'.*/\1/p" \
        .venv/lib/python*/site-packages/torch/version.py 2>/dev/null || true
}

# The build in .venv, or the one that was there before something broke: cpu, cuda or nothing.
installed_build() {
    torch=$(installed_torch)
    [ -n "$torch" ] || torch=$(sed -n 's/^torch==//p' .venv/installed-requirements.txt 2>/dev/null || true)
    case "$torch" in
    '') ;;
    *+cpu) echo cpu ;;
    *) echo cuda ;;
    esac
}

# Two places, as containers often have one of them alone.
has_nvidia_driver() {
    [ -e /proc/driver/nvidia/version ] ||
        timeout -k 1 5 nvidia-smi -L 2>/dev/null | sed -n '/^GPU /p' | grep -q .
}

# Says what is wrong with PyTorch's index if it does not begin its answer within so many seconds.
ask_cpu_index() { .venv/bin/python scripts/environment/cpu_index.py "$cpu_index" "$version+cpu" "$1" 2>&1; }

# Sets build to cpu or cuda, suffix to what follows the version in its name, and size, in GB.
choose_build() {
    build=$(installed_build) suffix='' size=5
    if [ "$(uname -s)" != Linux ]; then
        [ "$asked" != --cuda ] || fail "--cuda: PyTorch has no build with CUDA for $(uname -s)"
        # The one build there is has no CUDA and no suffix.
        build=cuda size=1
        return
    fi
    if [ -n "$asked" ]; then
        if [ "$asked" = --cpu ] && [ "$build" != cpu ]; then
            why=$(ask_cpu_index 20) || fail "--cpu: $why"
        fi
        build=${asked#--}
    elif [ -z "$build" ]; then
        choose_first_build
    fi
    if [ "$build" = cpu ]; then
        suffix=+cpu size=1
    fi
}

choose_first_build() {
    build=cuda
    if has_nvidia_driver; then
        say "taking torch with CUDA, as there is an NVIDIA driver; --cpu takes it without, 1 GB instead of 5"
    elif why=$(ask_cpu_index 3); then
        build=cpu
        say "taking torch without CUDA, as no NVIDIA driver is found; --cuda takes it with CUDA, 5 GB instead of 1"
    else
        say "taking torch with CUDA, though no NVIDIA driver is found: $why"
    fi
}
