#!/bin/sh
# Make what is missing of the secrets that compose.yaml names; what is there stays. Needs openssl.
# Usage: deploy/make_secrets.sh [FOLDER], by default deploy/secrets.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
# The folder keeps others on this machine out. The files have to be readable for the users inside of the containers, who are
# others than yours: they see one file each, not the folder.
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

secret() {
    if [ ! -e "$1" ]; then
        cat >"$1.new"
        chmod 444 "$1.new"
        mv "$1.new" "$1"
        echo "made $1"
    fi
}

openssl rand -hex 32 | secret superuser_password
openssl rand -hex 32 | secret database_password
echo "postgresql://quarterdeck:$(cat database_password)@database:5432/quarterdeck" | secret quarterdeck_database_url
echo "first:$(openssl rand -base64 32)" | secret quarterdeck_landing_keys
openssl rand -hex 32 | secret quarterdeck_pseudonym_key
# Without a line in it, nobody can log in to the internal pages: deploy/nginx/README.md.
secret staff.htpasswd </dev/null
for name in staff results; do
    # Signed by itself, to be replaced by the office's own.
    if [ ! -e "$name.key" ]; then
        openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj "/CN=$name.example.org" \
            -addext "subjectAltName=DNS:$name.example.org" -keyout made.key -out made.crt 2>/dev/null
        secret "$name.crt" <made.crt
        secret "$name.key" <made.key
        rm made.key made.crt
    fi
done
