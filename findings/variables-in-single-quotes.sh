#!/usr/bin/env bash
# One .env file whose password stands in single quotes, as everybody writes what must stay as it is:
#
#   PASSWORD='pa${HOME}ss\nword'
#   DATABASE_URL="postgres://app:s${3}cret@db/app"
#
# Seen, in November 2026:
#
#   bash (source)            pa${HOME}ss\nword      single quotes keep everything, as in every shell
#   dotenv 17.2.3 of npm     pa${HOME}ss\nword      it expands nothing, in neither kind of quotes
#   python-dotenv 1.1.1      pa/home/x ss\nword     expands ${NAME} in single quotes too (and so does
#                                                   pydantic-settings, which reads by it)
#   python-dotenv 1.1.1      postgres://app:scret@db/app   what is no variable becomes nothing; so in
#                                                          bash, and not in dotenv of npm
#
# So a password with ${ in it is another one to a Python service than to the shell and to Node, no one says
# so, and quoting does not help.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install python-dotenv==1.1.1 pydantic-settings==2.11.0
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund dotenv@17.2.3

cat > .env <<'ENV'
PASSWORD='pa${HOME}ss\nword'
DATABASE_URL="postgres://app:s${3}cret@db/app"
ENV
cat > ask.py <<'PYTHON'
from dotenv import dotenv_values
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env")
    password: str
    database_url: str


read = dotenv_values(".env")
print(f"python-dotenv: {read['PASSWORD']} {read['DATABASE_URL']}")
settings = Settings()
print(f"pydantic-settings: {settings.password} {settings.database_url}")
PYTHON
cat > ask.cjs <<'JS'
const read = require("dotenv").config({ processEnv: {}, quiet: true }).parsed;
console.log(`dotenv of npm: ${read.PASSWORD} ${read.DATABASE_URL}`);
JS

export HOME="/home/x "
{
  (set +u; source ./.env; printf 'bash: %s %s\n' "$PASSWORD" "$DATABASE_URL")
  node ask.cjs
  env -u PASSWORD -u DATABASE_URL python/bin/python ask.py
} | tee seen

diff seen - <<'SEEN'
bash: pa${HOME}ss\nword postgres://app:scret@db/app
dotenv of npm: pa${HOME}ss\nword postgres://app:s${3}cret@db/app
python-dotenv: pa/home/x ss\nword postgres://app:scret@db/app
pydantic-settings: pa/home/x ss\nword postgres://app:scret@db/app
SEEN
echo "as in November 2026"
