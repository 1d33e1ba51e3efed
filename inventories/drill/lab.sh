#!/bin/sh
# Says where the lab of this project is. `runbook lab up` writes the file; without a lab this adds nothing to hosts.yml.
cat .lab/inventory.json 2>/dev/null || echo '{}'
