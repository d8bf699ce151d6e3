# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of patches, one file for each kind of change."""

import importlib
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
TABLES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))
CASES = [case for table in TABLES for case in importlib.import_module(f"cases.{table}").CASES]
