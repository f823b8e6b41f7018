#!/bin/sh
# Checks what `make setup` cannot install. Prints the Python to use on stdout, and on stderr one sentence
# for each thing that is missing. $PYTHON, when set, is the only Python that is tried.
missing=0

fail() {
    echo "$1" >&2
    missing=1
}

recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

python=
for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
    if recent "$name"; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    fail "${PYTHON:-python3} is missing or older than 3.10: install Python 3.10 or newer (Debian/Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.12)."
elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    fail "$python has no venv module: install it (Debian/Ubuntu: apt-get install python3-venv; macOS: brew install python@3.12)."
fi

how="install Java 17 or newer (Debian/Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17)."
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
version=$("$java" -version 2>&1 | sed -n 's/.*version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1)
if [ -z "$version" ]; then
    fail "No Java runs as '$java': $how"
elif [ "$version" -lt 17 ]; then
    fail "'$java' is Java $version: $how"
fi

[ "$missing" = 0 ] && echo "$python"
exit "$missing"
