// SPDX-License-Identifier: GPL-2.0
/*
 * Rings of pointers.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <linux/mutex.h>
#include <linux/ptr_ring.h>
#include <linux/skbuff.h>

#include "../helpers.h"

void offload_nic_ptr_ring_cleanup(struct ptr_ring *ring, void (*destroy)(void *))
{
	void *ptr;

	/* ptr_ring_cleanup() takes the lock as if no softirq ever did. */
	while ((ptr = ptr_ring_consume_bh(ring)))
		destroy(ptr);
	ptr_ring_cleanup(ring, NULL);
}

void *offload_nic_ptr_ring_consume(struct ptr_ring *ring)
{
	return ptr_ring_consume(ring);
}

int offload_nic_ptr_ring_consume_batched(struct ptr_ring *ring, void **array, int n)
{
	return ptr_ring_consume_batched(ring, array, n);
}

/* The unlocked __ptr_ring_empty() may not be asked of a ring whose size changes. */
bool offload_nic_ptr_ring_empty(struct ptr_ring *ring)
{
	return ptr_ring_empty(ring);
}

/* The unlocked __ptr_ring_full() may only be asked by the producer. */
bool offload_nic_ptr_ring_full(struct ptr_ring *ring)
{
	return ptr_ring_full(ring);
}

int offload_nic_ptr_ring_init(struct ptr_ring *ring, int size)
{
	return ptr_ring_init(ring, size, GFP_KERNEL);
}

/* What is in a ring has arrived, at the time in tstamp if anybody wants to know, or else at 0. */
int offload_nic_ptr_ring_produce(struct ptr_ring *ring, struct sk_buff *skb, u64 arrived)
{
	struct sk_buff *frame;

	for (frame = skb; frame; frame = frame->next)
		frame->tstamp = ns_to_ktime(arrived);
	return ptr_ring_produce(ring, skb);
}

/*
 * Takes the time stamps of each frame of a list, sent being that of the device if it takes
 * any, only if there is room, and before the reader can have it: both are known under the lock
 * of the producers. Then the control buffer of the first is overwritten, too, with cb if there
 * is any, and tstamp as above: what does not get in keeps the notes of the stack's.
 */
int offload_nic_ptr_ring_send(struct ptr_ring *ring, struct sk_buff *skb, const void *cb,
			      size_t len, u64 sent, u64 arrived)
{
	struct sk_buff *frame;
	int err = -ENOSPC;

	spin_lock(&ring->producer_lock);
	if (!__ptr_ring_full(ring)) {
		/* Most know their length as well as the compiler. */
		if (len == sizeof(skb->cb))
			memcpy(skb->cb, cb, sizeof(skb->cb));
		else if (len)
			memcpy(skb->cb, cb, len);
		for (frame = skb; frame; frame = frame->next) {
			if (sent)
				offload_nic_skb_tx_timestamps(frame, sent);
			else
				skb_tx_timestamp(frame);
			frame->tstamp = ns_to_ktime(arrived);
		}
		err = __ptr_ring_produce(ring, skb);
	}
	spin_unlock(&ring->producer_lock);
	return err;
}

/*
 * What does not fit any more is given out in *misfits, linked by prev, the last of them first.
 * ptr_ring_resize() tells whoever takes it no more than the pointer: so one resize at a time
 * has the list.
 */
static DEFINE_MUTEX(misfits_lock);
static struct sk_buff *misfits_list;

static void set_aside(void *ptr)
{
	struct sk_buff *skb = ptr;

	skb->prev = misfits_list;
	misfits_list = skb;
}

int offload_nic_ptr_ring_resize(struct ptr_ring *ring, int size, struct sk_buff **misfits)
{
	int err;

	mutex_lock(&misfits_lock);
	err = ptr_ring_resize(ring, size, GFP_KERNEL, set_aside);
	*misfits = misfits_list;
	misfits_list = NULL;
	mutex_unlock(&misfits_lock);
	return err;
}
