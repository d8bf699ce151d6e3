/* SPDX-License-Identifier: GPL-2.0 */
const char *greeter_word(void);
