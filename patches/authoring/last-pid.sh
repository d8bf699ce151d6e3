#!/bin/sh
# klp-test: seconds 60
# Fails where a user without rights is told the last process id.
last=$(su user -c "cut -d' ' -f5 /proc/loadavg")
echo "the last process id is said to be $last"
[ "$last" = 0 ]
