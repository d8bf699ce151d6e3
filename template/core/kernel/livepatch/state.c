// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System states: what patches have changed beyond functions, and whether a patch
 * can deal with what it finds. See Documentation/livepatch/system-state.rst.
 */

#include <linux/bug.h>
#include "core.h"
#include "state.h"
#include "transition.h"

#define klp_for_each_state(patch, state) \
	for (state = (patch)->states; state && state->id; state++)

/**
 * klp_get_state() - does this patch modify that state?
 * @patch:	a patch
 * @id:		the state
 *
 * Return: the patch's entry for it, NULL when it has none
 */
struct klp_state *klp_get_state(struct klp_patch *patch, unsigned long id)
{
	struct klp_state *state;

	klp_for_each_state(patch, state)
		if (state->id == id)
			return state;
	return NULL;
}
EXPORT_SYMBOL_GPL(klp_get_state);

/**
 * klp_get_prev_state() - do patches from before modify that state?
 * @id:		the state
 *
 * For callbacks of the patch in transition. Of several patches the latest knows
 * best.
 *
 * Return: the latest patch's entry for it, NULL when none has one
 */
struct klp_state *klp_get_prev_state(unsigned long id)
{
	struct klp_state *state, *latest = NULL;
	struct klp_patch *patch;

	if (WARN_ON_ONCE(!klp_transition_patch))
		return NULL;

	klp_for_each_patch(patch) {
		if (patch == klp_transition_patch)
			break;
		state = klp_get_state(patch, id);
		if (state)
			latest = state;
	}
	return latest;
}
EXPORT_SYMBOL_GPL(klp_get_prev_state);

/* A patch that replaces the others must know all that they have changed. */
static bool klp_is_state_compatible(struct klp_patch *patch,
				    struct klp_state *old_state)
{
	struct klp_state *state = klp_get_state(patch, old_state->id);

	if (!state)
		return !patch->replace;
	return state->version >= old_state->version;
}

bool klp_is_patch_compatible(struct klp_patch *patch)
{
	struct klp_patch *old_patch;
	struct klp_state *old_state;

	klp_for_each_patch(old_patch)
		klp_for_each_state(old_patch, old_state)
			if (!klp_is_state_compatible(patch, old_state))
				return false;
	return true;
}
