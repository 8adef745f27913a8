#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# prometheus.sh SOURCE_ROOT: the rules' alerts fire when they are to and not else, the dashboard's questions are ones
# that Prometheus understands, and neither names a metric that stability.txt does not have.
set -eu

root=$1
rules=$root/config/prometheus
dashboard=$root/config/grafana/phoenixd.json
promtool=$(command -v promtool || echo "${XDG_CACHE_HOME:-$HOME/.cache}/phoenixd-vm/tools/promtool")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n 's/^metric \(phoenixd_[a-z_]*\).*/\1/p' "$root/tests/check/stability.txt" | LC_ALL=C sort -u >"$work/known"
cat "$rules/phoenixd.rules.yml" "$dashboard" | grep -o 'phoenixd_[a-z_]*' | LC_ALL=C sort -u >"$work/named"
LC_ALL=C comm -13 "$work/known" "$work/named" >"$work/unknown"
if [ -s "$work/unknown" ]; then
    echo "named in config/prometheus or config/grafana, and no metric of phoenixd:" >&2
    cat "$work/unknown" >&2
    exit 1
fi
if [ ! -x "$promtool" ]; then
    echo "SKIP: there is no promtool; tests/setup takes it from Debian's package prometheus"
    exit 77
fi

# Its questions as rules: nothing else checks a question that is not asked.
{
    printf 'groups:\n  - name: dashboard\n    rules:\n'
    jq -r '.panels[].targets[].expr | gsub("\\$instance"; ".*") | gsub("\\$__rate_interval"; "5m")
        | "      - record: a:b\n        expr: " + tojson' "$dashboard" |
        awk '/record:/ { sub(/a:b/, "dashboard:" ++n) } { print }'
} >"$work/dashboard.yml"
"$promtool" check rules "$rules/phoenixd.rules.yml" "$work/dashboard.yml"
cd "$rules"
"$promtool" test rules phoenixd.rules.test.yml
