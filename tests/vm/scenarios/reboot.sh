# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# The machine itself: what a boot keeps and what it does not, be it orderly or a crash.

case $PHASE in
    1)
        check "there is nothing of ours yet" test ! -e /root/kept
        echo 'profile lxc-gone { file, }' | apparmor_parser -r -T -K
        check "a profile is loaded" is_loaded lxc-gone
        echo kept >/root/kept
        reboot_machine
        ;;
    2)
        check "a file is still there after a boot" prints kept cat /root/kept
        check "a profile that only the kernel had is not" not is_loaded lxc-gone
        check "Debian's own are" is_loaded lxc-container-default-cgns
        echo synced >/root/synced
        sync
        reboot_machine --crash
        ;;
    3)
        check "what was written out survives a crash" prints synced cat /root/synced
        check "the system is well again" wait_until 60 prints running systemctl is-system-running
        ;;
esac
