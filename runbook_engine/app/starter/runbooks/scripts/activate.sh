#!/bin/sh
# Make the restored settings the active ones: whole or not at all.
set -eu
cp "$1/settings.json" "$1/active.json.new"
mv "$1/active.json.new" "$1/active.json"
