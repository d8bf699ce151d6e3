// SPDX-License-Identifier: GPL-2.0
#define VERSION 3
#define REPLACE true
#include "patch.h"
