#!/bin/busybox sh
# shellcheck shell=dash
# The first process of a kernel that a test boots: runs /script between two lines that name the boot's token, which
# /token holds, and powers off. The second line ends with the script's status.
/bin/busybox --install -s
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
exec </dev/console >/dev/console 2>&1
# From here on the console is the script's alone; `dmesg` shows what the kernel says.
dmesg -n 1
token=$(cat /token)
echo "begin $token"
/bin/sh /script
echo "end $token $?"
poweroff -f
