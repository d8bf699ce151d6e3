// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shadow variables: data attached to objects whose type cannot be changed.
 * See Documentation/livepatch/shadow-vars.rst.
 *
 * They are found by the address of the object and a number that names the
 * variable. Readers take no lock: entries are added under klp_shadow_lock and
 * freed after an RCU grace period.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/bug.h>
#include <linux/hashtable.h>
#include <linux/livepatch.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#define KLP_SHADOW_BITS 12

/**
 * struct klp_shadow - a shadow variable
 * @node:	in klp_shadow_hash
 * @rcu:	readers may still see it
 * @obj:	what it is attached to
 * @id:		which variable it is
 * @data:	the variable
 */
struct klp_shadow {
	struct hlist_node node;
	struct rcu_head rcu;
	void *obj;
	unsigned long id;
	char data[] __aligned(__alignof__(unsigned long long));
};

static DEFINE_HASHTABLE(klp_shadow_hash, KLP_SHADOW_BITS);
static DEFINE_SPINLOCK(klp_shadow_lock);

/* Under rcu_read_lock() or klp_shadow_lock. */
static struct klp_shadow *klp_find_shadow(void *obj, unsigned long id)
{
	struct klp_shadow *shadow;

	hash_for_each_possible_rcu(klp_shadow_hash, shadow, node, (unsigned long)obj,
				   lockdep_is_held(&klp_shadow_lock))
		if (shadow->obj == obj && shadow->id == id)
			return shadow;
	return NULL;
}

/**
 * klp_shadow_get() - find a shadow variable
 * @obj:	what it is attached to
 * @id:		which variable
 *
 * Return: the variable, NULL when @obj has none
 */
void *klp_shadow_get(void *obj, unsigned long id)
{
	struct klp_shadow *shadow;

	rcu_read_lock();
	shadow = klp_find_shadow(obj, id);
	rcu_read_unlock();

	return shadow ? shadow->data : NULL;
}
EXPORT_SYMBOL_GPL(klp_shadow_get);

/* Under klp_shadow_lock. Returns an error, and has not taken @shadow, if @ctor does. */
static int klp_add_shadow(struct klp_shadow *shadow, klp_shadow_ctor_t ctor,
			  void *ctor_data)
{
	int ret = ctor ? ctor(shadow->obj, shadow->data, ctor_data) : 0;

	if (!ret)
		hash_add_rcu(klp_shadow_hash, &shadow->node, (unsigned long)shadow->obj);
	return ret;
}

static struct klp_shadow *klp_new_shadow(void *obj, unsigned long id, size_t size,
					 gfp_t gfp_flags)
{
	struct klp_shadow *shadow = kzalloc(sizeof(*shadow) + size, gfp_flags);

	if (shadow) {
		shadow->obj = obj;
		shadow->id = id;
	}
	return shadow;
}

/*
 * Gives the variable of @obj, made now unless there is one; @existed says which.
 * The memory is taken before the lock, and given back when it was not needed.
 */
static void *klp_get_or_make(void *obj, unsigned long id, size_t size,
			     gfp_t gfp_flags, klp_shadow_ctor_t ctor,
			     void *ctor_data, bool *existed)
{
	struct klp_shadow *shadow, *found;
	unsigned long flags;
	void *data;
	int ret = 0;

	data = klp_shadow_get(obj, id);
	*existed = data;
	if (data)
		return data;

	shadow = klp_new_shadow(obj, id, size, gfp_flags);
	if (!shadow)
		return NULL;

	spin_lock_irqsave(&klp_shadow_lock, flags);
	found = klp_find_shadow(obj, id);
	if (!found)
		ret = klp_add_shadow(shadow, ctor, ctor_data);
	spin_unlock_irqrestore(&klp_shadow_lock, flags);

	*existed = found;
	if (found) {
		kfree(shadow);
		return found->data;
	}
	if (ret) {
		kfree(shadow);
		pr_err("Failed to construct shadow variable <%p, %lx> (%d)\n",
		       obj, id, ret);
		return NULL;
	}
	return shadow->data;
}

/**
 * klp_shadow_alloc() - attach a shadow variable to an object
 * @obj:	the object
 * @id:		which variable
 * @size:	of the variable, which is filled with zeros
 * @gfp_flags:	how to allocate it
 * @ctor:	initializes it, under a spin lock; may be NULL
 * @ctor_data:	passed to @ctor
 *
 * Return: the variable; NULL, with a warning, when @obj has it already, when
 * there is no memory and when @ctor returns an error
 */
void *klp_shadow_alloc(void *obj, unsigned long id, size_t size, gfp_t gfp_flags,
		       klp_shadow_ctor_t ctor, void *ctor_data)
{
	bool existed;
	void *data;

	data = klp_get_or_make(obj, id, size, gfp_flags, ctor, ctor_data, &existed);
	if (WARN(existed, "Duplicate shadow variable <%p, %lx>\n", obj, id))
		return NULL;
	return data;
}
EXPORT_SYMBOL_GPL(klp_shadow_alloc);

/**
 * klp_shadow_get_or_alloc() - find a shadow variable or attach it
 * @obj:	the object
 * @id:		which variable
 * @size:	of the variable, which is filled with zeros
 * @gfp_flags:	how to allocate it
 * @ctor:	initializes it, under a spin lock; may be NULL
 * @ctor_data:	passed to @ctor
 *
 * Return: the variable; NULL when there is no memory or @ctor returns an error
 */
void *klp_shadow_get_or_alloc(void *obj, unsigned long id, size_t size,
			      gfp_t gfp_flags, klp_shadow_ctor_t ctor,
			      void *ctor_data)
{
	bool existed;

	return klp_get_or_make(obj, id, size, gfp_flags, ctor, ctor_data, &existed);
}
EXPORT_SYMBOL_GPL(klp_shadow_get_or_alloc);

static void klp_remove_shadow(struct klp_shadow *shadow, klp_shadow_dtor_t dtor)
{
	hash_del_rcu(&shadow->node);
	if (dtor)
		dtor(shadow->obj, shadow->data);
	kfree_rcu(shadow, rcu);
}

/**
 * klp_shadow_free() - detach a shadow variable
 * @obj:	the object
 * @id:		which variable
 * @dtor:	called before, under a spin lock; may be NULL
 */
void klp_shadow_free(void *obj, unsigned long id, klp_shadow_dtor_t dtor)
{
	struct klp_shadow *shadow;
	unsigned long flags;

	spin_lock_irqsave(&klp_shadow_lock, flags);
	shadow = klp_find_shadow(obj, id);
	if (shadow)
		klp_remove_shadow(shadow, dtor);
	spin_unlock_irqrestore(&klp_shadow_lock, flags);
}
EXPORT_SYMBOL_GPL(klp_shadow_free);

/**
 * klp_shadow_free_all() - detach a shadow variable from all objects
 * @id:		which variable
 * @dtor:	called before for each, under a spin lock; may be NULL
 */
void klp_shadow_free_all(unsigned long id, klp_shadow_dtor_t dtor)
{
	struct klp_shadow *shadow;
	struct hlist_node *next;
	unsigned long flags;
	int bucket;

	spin_lock_irqsave(&klp_shadow_lock, flags);
	hash_for_each_safe(klp_shadow_hash, bucket, next, shadow, node)
		if (shadow->id == id)
			klp_remove_shadow(shadow, dtor);
	spin_unlock_irqrestore(&klp_shadow_lock, flags);
}
EXPORT_SYMBOL_GPL(klp_shadow_free_all);
