// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of a device that is software: numbers, names in /proc/interrupts and an
 * affinity like any others, and the handler runs on the CPU that this names.
 *
 * An irq chip is a table of functions that the core calls with interrupts off and the lock
 * of the interrupt's descriptor held. It needs neither a domain nor hardware behind it.
 */

#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdesc.h>
#include <linux/netdevice.h>
#include <linux/smp.h>

#include "../helpers.h"

/*
 * The state of a vector: whether it is raised and nobody has begun to handle that, and how many
 * handle it right now.
 */
#define RAISED	1
#define HANDLED	2

/* Interrupts are off. What raises it from here on has it handled once more. */
static void handle(struct offload_nic_vector *vector)
{
	atomic_add_return(HANDLED - RAISED, &vector->state);
	generic_handle_irq_desc(vector->desc);
	/* The vector may go when this is seen. */
	atomic_sub_return_release(HANDLED, &vector->state);
}

static void handle_call(void *vector)
{
	handle(vector);
}

static void handle_work(struct irq_work *work)
{
	unsigned long flags;

	local_irq_save(flags);
	handle(container_of(work, struct offload_nic_vector, work));
	local_irq_restore(flags);
}

/* Has the CPU that it is for handle it; this one does it at once, unless not_here. */
static void send(struct offload_nic_vector *vector, bool not_here)
{
	unsigned int cpu = READ_ONCE(vector->cpu);

	/* One call at a time for each vector: that is what the state is for. */
	if (atomic_fetch_or(RAISED, &vector->state) & RAISED)
		return;
	if (cpu != smp_processor_id()) {
		if (!smp_call_function_single_async(cpu, &vector->csd))
			return;
		/* It is not online: the core moves the interrupt to one that is. */
		not_here = true;
	}
	if (not_here)
		irq_work_queue(&vector->work);
	else
		handle(vector);
}

static void chip_ignore(struct irq_data *data)
{
}

/* The core asks for the interrupt again that came while it was disabled. */
static int chip_retrigger(struct irq_data *data)
{
	/* To handle it takes the lock that is held here. */
	send(irq_data_get_irq_chip_data(data), true);
	return 1;
}

static int chip_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	struct offload_nic_vector *vector = irq_data_get_irq_chip_data(data);
	unsigned int weight = cpumask_weight(mask);
	unsigned int cpu;

	if (!weight)
		return -EINVAL;
	/* Vectors that may go anywhere are not all to go to the same one. */
	cpu = cpumask_nth(vector->index % weight, mask);
	WRITE_ONCE(vector->cpu, cpu);
	irq_data_update_effective_affinity(data, cpumask_of(cpu));
	return IRQ_SET_MASK_OK;
}

static struct irq_chip chip = {
	.name = "offload_nic",
	/* Masking is NAPI's affair. The flow handler calls these without a look. */
	.irq_ack = chip_ignore,
	.irq_mask = chip_ignore,
	.irq_unmask = chip_ignore,
	.irq_retrigger = chip_retrigger,
	.irq_set_affinity = chip_set_affinity,
	.flags = IRQCHIP_SKIP_SET_WAKE | IRQCHIP_AFFINITY_PRE_STARTUP,
};

static irqreturn_t handle_napi(int irq, void *napi)
{
	/* Interrupts are off here, also where the handler has a thread. */
	napi_schedule_irqoff(napi);
	return IRQ_HANDLED;
}

/* Process context. Gives a negative error number if there is no number or no memory for it. */
int offload_nic_vector_init(struct offload_nic_vector *vector, u16 index)
{
	/* No owner: it would be kept from going by whoever has requested the interrupt, itself. */
	int irq = __irq_alloc_descs(-1, 0, 1, NUMA_NO_NODE, NULL, NULL);

	if (irq < 0)
		return irq;
	vector->irq = irq;
	/* It stays as long as the number is ours, and to look it up each time takes long. */
	vector->desc = irq_data_to_desc(irq_get_irq_data(irq));
	vector->index = index;
	vector->cpu = cpumask_first(cpu_online_mask);
	atomic_set(&vector->state, 0);
	INIT_CSD(&vector->csd, handle_call, vector);
	vector->work = IRQ_WORK_INIT_HARD(handle_work);
	vector->name[0] = '\0';
	/*
	 * A flow of edges: what comes while the handler runs, there or on the CPU that it was moved
	 * away from, is not lost.
	 */
	irq_set_chip_and_handler_name(irq, &chip, handle_edge_irq, "edge");
	irq_set_chip_data(irq, vector);
	irq_modify_status(irq, IRQ_NOREQUEST, IRQ_NOPROBE);
	return 0;
}

/* Process context. Nobody raises it any more, and it is not requested. */
void offload_nic_vector_destroy(struct offload_nic_vector *vector)
{
	while (atomic_read_acquire(&vector->state))
		cond_resched();
	irq_work_sync(&vector->work);
	irq_set_chip_and_handler(vector->irq, NULL, NULL);
	irq_set_chip_data(vector->irq, NULL);
	irq_free_descs(vector->irq, 1);
}

/*
 * Has napi scheduled when the interrupt comes, under the name that dev has now. Process context,
 * RTNL held. Gives a negative error number.
 */
int offload_nic_vector_request(struct offload_nic_vector *vector, const struct net_device *dev,
			       struct napi_struct *napi)
{
	snprintf(vector->name, sizeof(vector->name), "%s-TxRx-%u", dev->name, vector->index);
	return request_irq(vector->irq, handle_napi, 0, vector->name, napi);
}

/* Has the core follow the interrupt's affinity. RTNL held, napi added and off. */
void offload_nic_vector_follow(struct offload_nic_vector *vector, struct napi_struct *napi)
{
	netif_napi_set_irq(napi, vector->irq);
}

/* Undoes both. Process context, RTNL held, napi off. */
void offload_nic_vector_free(struct offload_nic_vector *vector, struct napi_struct *napi)
{
	netif_napi_set_irq(napi, -1);
	free_irq(vector->irq, napi);
}

/* Any context but process context with bottom halves on, where what it schedules would wait. */
void offload_nic_vector_raise(struct offload_nic_vector *vector)
{
	unsigned long flags;

	local_irq_save(flags);
	send(vector, false);
	local_irq_restore(flags);
}
