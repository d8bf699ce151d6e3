// SPDX-License-Identifier: GPL-2.0
#include "words.h"

static const char *word = "hello";

const char *greeter_word(void)
{
	return word;
}
