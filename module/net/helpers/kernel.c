// SPDX-License-Identifier: GPL-2.0
/*
 * What is not about networks: debugfs, work, timers, the processor.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <crypto/sha2.h>
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seqlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#include "../helpers.h"

/* Without CONFIG_DEBUG_FS these are inline. */
struct dentry *offload_nic_debugfs_create_symlink(const char *name, struct dentry *parent,
						   const char *target)
{
	return debugfs_create_symlink(name, parent, target);
}

struct dentry *offload_nic_debugfs_lookup(const char *name, struct dentry *parent)
{
	return debugfs_lookup(name, parent);
}

void offload_nic_dput(struct dentry *dentry)
{
	dput(dentry);
}

struct net *offload_nic_get_current_net(void)
{
	return get_net(current->nsproxy->net_ns);
}

void offload_nic_init_delayed_work(struct delayed_work *work,
				   void (*function)(struct work_struct *))
{
	INIT_DELAYED_WORK(work, function);
}

void offload_nic_init_work(struct work_struct *work, void (*function)(struct work_struct *))
{
	INIT_WORK(work, function);
}

void offload_nic_local_bh_disable(void)
{
	local_bh_disable();
}

void offload_nic_local_bh_enable(void)
{
	local_bh_enable();
}

void offload_nic_put_net(struct net *net)
{
	put_net(net);
}

bool offload_nic_irqs_disabled(void)
{
	return irqs_disabled();
}

u32 offload_nic_raw_smp_processor_id(void)
{
	return raw_smp_processor_id();
}

unsigned int offload_nic_read_seqbegin(const seqlock_t *lock)
{
	return read_seqbegin(lock);
}

bool offload_nic_read_seqretry(const seqlock_t *lock, unsigned int begun)
{
	return read_seqretry(lock, begun);
}

void offload_nic_schedule_delayed_work(struct delayed_work *work, unsigned int milliseconds)
{
	schedule_delayed_work(work, msecs_to_jiffies(milliseconds));
}

void offload_nic_schedule_work(struct work_struct *work)
{
	schedule_work(work);
}

void offload_nic_seqlock_init(seqlock_t *lock)
{
	seqlock_init(lock);
}

void offload_nic_sha256_update(struct sha256_ctx *ctx, const u8 *data, size_t len)
{
	sha256_update(ctx, data, len);
}

int offload_nic_restart_syscall(void)
{
	return restart_syscall();
}

void offload_nic_smp_mb(void)
{
	smp_mb();
}

unsigned long offload_nic_write_seqlock(seqlock_t *lock)
{
	unsigned long flags;

	write_seqlock_irqsave(lock, flags);
	return flags;
}

void offload_nic_write_sequnlock(seqlock_t *lock, unsigned long flags)
{
	write_sequnlock_irqrestore(lock, flags);
}
