# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# package: yes
# timeout: 900
# The package's own tests, debian/tests, of which one needs a machine: here autopkgtest's rules hold, a fresh
# installation, root, and a directory for the output.

run_test() {
    DEBIAN_FRONTEND=noninteractive AUTOPKGTEST_TMP=$(mktemp -d) sh "/run/scenario/packages/tests/$1"
}

check "the package is installed" apt-get -q -y install /run/scenario/packages/phoenixd_*.deb
check "superficial passes" run_test superficial
rm -r /etc/phoenixd/*
check "confines passes" run_test confines
