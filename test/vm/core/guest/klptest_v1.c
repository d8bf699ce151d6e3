// SPDX-License-Identifier: GPL-2.0
#define VERSION 1
#define REPLACE false
#include "patch.h"
