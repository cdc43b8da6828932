# Reads values from PostgreSQL and writes each one back, as it came, with five drivers, and prints what is stored then where it
# is another one. Values are lines of a type, a tab and the text. `lib` is this folder.
. "$lib/start.sh"

written_back() {
    cat > values
    start_postgres
    install_python psycopg[binary]==3.3.9 asyncpg==0.32.0 pg8000==1.31.6
    install_node pg@8.23.1 postgres@3.4.9
    cp "$lib/written_back.py" "$lib/written_back.mjs" .
    python/bin/python written_back.py prepare
    python/bin/python written_back.py write
    node written_back.mjs
    python/bin/python written_back.py show
}
