/* SPDX-License-Identifier: GPL-2.0 */
/* What the patches of klptest and klptest itself agree on. */
#ifndef _KLPTEST_H
#define _KLPTEST_H

/* How klptest_outer() spends its time between two looks at the version. */
enum klptest_mode {
	KLPTEST_SPIN,
	KLPTEST_YIELD,
	KLPTEST_SLEEP,
	KLPTEST_RECURSE,
	KLPTEST_ATOMIC,
	KLPTEST_BLOCK,		/* until told to go on */
	KLPTEST_PAUSE,		/* until told to go on or signaled */
	KLPTEST_LINGER,		/* long enough for a transition to end meanwhile */
	KLPTEST_MODES
};

int klptest_inner(void);
int klptest_outer(int mode);
int klptest_answer(void);
int klptest_seldom(bool wait);
void klptest_wait(void);
void klptest_judge(int version, int mode);

#endif
