# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a kernel with a live patch and looks what happens: klp-build's --test, and the machines of test/vm."""
