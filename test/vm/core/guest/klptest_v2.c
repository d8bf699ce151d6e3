// SPDX-License-Identifier: GPL-2.0
#define VERSION 2
#define REPLACE false
#include "patch.h"
