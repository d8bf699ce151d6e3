// SPDX-License-Identifier: GPL-2.0-or-later
// Runs relocatable objects in user space as a kernel and a live patch module would be run, and compares what they do.
//
// One line on stdin is one run; the answer is one line on stdout:
//
//   KERNEL.o MODULE.o|- ORACLE.o VERSION SEED CALLS stay|remove ELSEWHERE INIT,INIT,... NAME=ORACLE_NAME,...
//
// The real run loads KERNEL.o ("the kernel": the original unit), calls the init functions, takes init memory away and
// read-only memory's writability, makes CALLS calls of the named entry functions with arguments from SEED, lets the
// functions of MODULE.o (create-diff-object's output, lib/elf/livepatch_abi.h) take over as ftrace would, and makes CALLS
// calls more; with "remove", the module is taken out and as many follow. The other run does the same with ORACLE.o, in which both versions of every function work on the same
// variables, and which is told by its function oracle_switch(VERSION) to go over to the patched ones.
//
// The answer is "same", "same-as-before" (the switch makes no difference to be seen), "wrong: why", or "unusable: why"
// if the oracle itself does not get to its end.
#include "loader.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

struct job {
	char *kernel, *module, *oracle;
	unsigned version, calls;
	bool is_removed; // the module is taken out at the end, and more calls follow
	uint64_t seed;
	char *inits[64];
	char *entries[64], *oracle_entries[64];
	unsigned init_count, entry_count;
};

static uint64_t random_state;
static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

typedef uint64_t (*entry_function)(uint64_t, uint64_t);

static entry_function find_entry(const struct object *object, const char *name)
{
	unsigned long address = symbol_address(object, name, strlen(name), 0);
	if (!address)
		cannot_load("no entry %s", name);
	return (entry_function)address;
}

static void call_entries(const struct object *object, char *const *names, const struct job *job)
{
	// Each is called once, then any in any order.
	for (unsigned i = 0; i < job->entry_count + job->calls; ++i) {
		unsigned which = i < job->entry_count ? i : next_random() % job->entry_count;
		uint64_t a = next_random() >> 32, b = next_random() >> 32;
		uint64_t result;
		if (i % 3 == 0)
			a %= 8, b %= 4;
		else if (i % 3 == 1)
			a %= 70, b %= 20;
		record("%u(%lu, %lu)\n", which, a, b);
		result = find_entry(object, names[which])(a, b);
		record("= %s\n", number((uint32_t)result));
	}
}

static struct object kernel, module; // of the real run

// A trap with an entry in the table of warnings: says so and goes on behind the instruction.
static bool is_warning(const struct object *object, greg_t *registers)
{
	const unsigned long at = registers[REG_RIP];
	const int32_t *file = (const void *)table_entry(object, "__bug_table", at, 1);
	const uint16_t *numbers = (const void *)table_entry(object, "__bug_table", at, 2);
	if (!file)
		return false;
	record("warning %s:%s %u\n", (const char *)file + *file, number(numbers[0]), numbers[1]);
	registers[REG_RIP] += 2;
	return true;
}

// A fault with an entry in the table of fixups.
static bool is_fixed_up(const struct object *object, greg_t *registers)
{
	const int32_t *to = (const void *)table_entry(object, "__ex_table", registers[REG_RIP], 1);
	if (!to)
		return false;
	registers[REG_RIP] = (unsigned long)to + *to;
	return true;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	if (signal == SIGILL && (is_warning(&module, registers) || is_warning(&kernel, registers)))
		return;
	if (signal == SIGSEGV && (is_fixed_up(&module, registers) || is_fixed_up(&kernel, registers)))
		return;
	trace->signal = signal;
	trace->fault = (unsigned long)info->si_addr;
	trace->status = signal == SIGVTALRM ? runaway : crashed;
	_exit(1);
}

static void catch_faults(void)
{
	static char stack[65536];
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGVTALRM};
	struct itimerval limit = {.it_value = {.tv_sec = 2}};
	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); ++i)
		sigaction(signals[i], &action, NULL);
	setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

static void boot(const struct object *object, const struct job *job)
{
	trace->phase = booting;
	for (unsigned i = 0; i < job->init_count; ++i)
		find_entry(object, job->inits[i])(0, 0);
	seal(object);
	trace->phase = before_switch;
}

static void run_real(const struct job *job)
{
	prepare_percpu();
	load(&kernel, job->kernel, NULL);
	boot(&kernel, job);
	call_entries(&kernel, job->entries, job);
	trace->switched_at = trace->length;
	if (strcmp(job->module, "-")) {
		load(&module, job->module, &kernel);
		seal(&module);
		apply(&kernel, &module);
	}
	trace->phase = after_switch;
	call_entries(&kernel, job->entries, job);
	if (!job->is_removed)
		return;
	trace->phase = after_removal;
	record("removed\n");
	if (strcmp(job->module, "-"))
		remove_module(&kernel, &module), module.section_count = 0;
	call_entries(&kernel, job->entries, job);
}

static void run_oracle(const struct job *job)
{
	struct object oracle;
	elsewhere_count = 0;
	prepare_percpu();
	load(&oracle, job->oracle, NULL);
	trace->phase = booting;
	for (unsigned i = 0; i < job->init_count; ++i) {
		char name[100];
		snprintf(name, sizeof(name), "oracle_%s", job->inits[i]);
		find_entry(&oracle, name)(0, 0);
	}
	trace->phase = before_switch;
	call_entries(&oracle, job->oracle_entries, job);
	trace->switched_at = trace->length;
	if (job->version)
		find_entry(&oracle, "oracle_switch")(job->version, 0);
	trace->phase = after_switch;
	call_entries(&oracle, job->oracle_entries, job);
	if (!job->is_removed)
		return;
	trace->phase = after_removal;
	record("removed\n");
	find_entry(&oracle, "oracle_switch")(0, 0);
	call_entries(&oracle, job->oracle_entries, job);
}

// In a process of its own.
static void run_apart(void (*run)(const struct job *), const struct job *job, struct trace *into)
{
	int status;
	pid_t child;
	memset(into, 0, offsetof(struct trace, text));
	while ((child = fork()) < 0)
		usleep(10000); // a machine that is short of memory or processes for the moment
	if (child == 0) {
		trace = into;
		random_state = job->seed * 2654435761U + 88172645463325252ULL;
		catch_faults();
		run(job);
		trace->status = finished;
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (into->status == running) {
		into->status = crashed;
		into->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	}
	into->text[into->length] = 0;
}

// The traces agree up to the place that is given back, or wholly (-1).
static long first_difference(const struct trace *real, const struct trace *expected)
{
	const char *a = real->text, *b = expected->text;
	while (*a || *b) {
		if (*b == '?') {
			while (*a >= '0' && *a <= '9')
				++a;
			++b;
		} else if (*a++ != *b++) {
			return a - 1 - real->text;
		}
	}
	return -1;
}

static void copy_line(char *to, size_t room, const char *text, long at)
{
	long begin = at;
	size_t length;
	while (begin > 0 && text[begin - 1] != '\n')
		--begin;
	length = strcspn(text + begin, "\n");
	snprintf(to, room, "%.*s", (int)length, text + begin);
}

static const char *status_words(const struct trace *of)
{
	static char text[400];
	static const char *phases[] = {"loading", "boot", "the time before the switch", "the time after the switch",
					 "the time after the removal"};
	if (of->status == crashed)
		snprintf(text, sizeof(text), "signal %d at %lx in %s", of->signal, of->fault, phases[of->phase]);
	else if (of->status == runaway)
		snprintf(text, sizeof(text), "no end in %s", phases[of->phase]);
	else if (of->status == unloadable)
		snprintf(text, sizeof(text), "%s", of->why);
	else
		snprintf(text, sizeof(text), "finished");
	return text;
}

static void judge(const struct job *job, const struct trace *real, const struct trace *expected,
		  const struct trace *unpatched)
{
	char got[200], want[200];
	long at;
	if (expected->status != finished) {
		printf("unusable: oracle: %s\n", status_words(expected));
		return;
	}
	at = first_difference(real, expected);
	if (real->status == finished && at < 0) {
		bool is_visible = job->version && unpatched && first_difference(unpatched, expected) >= 0;
		printf(job->version && !is_visible ? "same-as-before\n" : "same\n");
		return;
	}
	if (real->status != finished && real->status != runaway) {
		printf("wrong: %s\n", status_words(real));
		return;
	}
	if (at < 0)
		at = real->length;
	copy_line(got, sizeof(got), real->text, at);
	copy_line(want, sizeof(want), expected->text, at < (long)expected->length ? at : (long)expected->length);
	printf("wrong: %s the switch: '%s' where '%s' is right%s\n",
	       (size_t)at < expected->switched_at ? "before" : "after", got, want,
	       real->status == runaway ? " (no end)" : "");
}

static unsigned split(char *text, char **to, unsigned room)
{
	unsigned count = 0;
	if (!strcmp(text, "-"))
		return 0;
	for (char *part = strtok(text, ","); part && count < room; part = strtok(NULL, ","))
		to[count++] = part;
	return count;
}

// NAME:BEFORE:BEHIND of each name, or NAME:weak.
static bool parse_elsewhere(char *text)
{
	char *parts[64];
	elsewhere_count = split(text, parts, 64);
	for (unsigned i = 0; i < elsewhere_count; ++i) {
		char *colon = strchr(parts[i], ':');
		if (!colon)
			return false;
		*colon = 0;
		elsewhere[i] = (struct elsewhere){.name = parts[i], .overrides = !strcmp(colon + 1, "weak")};
		sscanf(colon + 1, "%u:%u", &elsewhere[i].before, &elsewhere[i].behind);
	}
	return true;
}

static bool parse(char *line, struct job *job)
{
	char *field[10];
	unsigned count = 0;
	memset(job, 0, sizeof(*job));
	for (char *part = strtok(line, " \n"); part && count < 10; part = strtok(NULL, " \n"))
		field[count++] = part;
	if (count != 10)
		return false;
	job->kernel = field[0];
	job->module = field[1];
	job->oracle = field[2];
	job->version = atoi(field[3]);
	job->seed = strtoull(field[4], NULL, 10);
	job->calls = atoi(field[5]);
	job->is_removed = !strcmp(field[6], "remove");
	if (!parse_elsewhere(field[7]))
		return false;
	job->init_count = split(field[8], job->inits, 64);
	job->entry_count = split(field[9], job->entries, 64);
	for (unsigned i = 0; i < job->entry_count; ++i) {
		char *equals = strchr(job->entries[i], '=');
		if (!equals)
			return false;
		*equals = 0;
		job->oracle_entries[i] = equals + 1;
	}
	return job->entry_count != 0;
}

static struct trace *new_trace(void)
{
	return mmap(NULL, sizeof(struct trace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

int main(int argc, char **argv)
{
	struct trace *real = new_trace(), *expected = new_trace(), *unpatched = new_trace();
	char *line = NULL;
	size_t room = 0;
	bool is_talkative = argc > 1 && !strcmp(argv[1], "--trace");
	while (getline(&line, &room, stdin) > 0) {
		struct job job, before;
		if (!parse(line, &job)) {
			printf("unusable: malformed job\n");
			fflush(stdout);
			continue;
		}
		fflush(stdout);
		run_apart(run_real, &job, real);
		run_apart(run_oracle, &job, expected);
		before = job;
		before.version = 0;
		if (job.version)
			run_apart(run_oracle, &before, unpatched);
		if (is_talkative)
			printf("---- real\n%s---- expected\n%s----\n", real->text, expected->text);
		judge(&job, real, expected, job.version ? unpatched : NULL);
		fflush(stdout);
	}
	return 0;
}
