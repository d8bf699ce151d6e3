// SPDX-License-Identifier: GPL-2.0
#define VERSION 4
#define REPLACE true
#include "patch.h"
