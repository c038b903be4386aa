/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inline functions and macros of the kernel that bindgen cannot see, as functions.
 * Each has the name of what it wraps behind `offload_nic_`, and its contract too.
 */
#ifndef _OFFLOAD_NIC_NET_HELPERS_H
#define _OFFLOAD_NIC_NET_HELPERS_H

#include <crypto/sha1.h>
#include <crypto/sha2.h>
#include <linux/bpf.h>
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/net_tstamp.h>
#include <linux/netdevice.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/ptr_ring.h>
#include <linux/seqlock.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#include <net/flow_offload.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/page_pool/helpers.h>
#include <net/pkt_cls.h>
#include <net/xdp.h>
#include <net/xdp_sock.h>

enum {
	/* Bytes that belong to whoever has a frame queued. */
	OFFLOAD_NIC_SKB_CB_LEN = sizeof_field(struct sk_buff, cb),
};

/* What a classifier in the device has found out about a frame, in host byte order. */
struct offload_nic_classified {
	u32 network_offset;
	u32 mark;
	u32 priority;
	u16 protocol;
	u16 tc_index;
	u16 queue_mapping;
	u16 vlan_proto;
	u16 vlan_tci;
	u8 pkt_type;
	bool has_vlan;
	/* The host's classifiers are not to see it. */
	bool is_final;
};

/*
 * What a frame asks of the device; sk_buff keeps it in unions and bit fields. Offsets of
 * headers count from the start of the frame, and are 0 where there is no such header.
 */
struct offload_nic_offload_request {
	u32 gso_type;
	u16 csum_start;
	u16 csum_offset;
	u16 gso_size;
	u16 gso_segs;
	u16 network;
	u16 transport;
	u16 inner_network;
	u16 inner_transport;
	u16 labelled;
	bool csum;
	bool csum_not_inet;
	bool encapsulation;
};

/*
 * What a flow dissector has found, as its programs tell it, and what they can't tell; numbers as on
 * the wire.
 */
struct offload_nic_dissected {
	u8 keys[sizeof(struct bpf_flow_keys)];
	__be16 vlan_tpid;
	__be16 vlan_tci;
	__be32 gre_key;
};

/* What is to be done before a frame is as it goes on a wire, and nobody else's. */
enum offload_nic_asks {
	OFFLOAD_NIC_ASKS_CHECKSUM = 1,
	OFFLOAD_NIC_ASKS_SEGMENTS = 2,
	OFFLOAD_NIC_ASKS_COPY = 4,
};

/* What a hash is that the stack is told: a device's, as enum pkt_hash_types, or its own. */
enum offload_nic_hash {
	OFFLOAD_NIC_HASH_NONE = PKT_HASH_TYPE_NONE,
	OFFLOAD_NIC_HASH_L2 = PKT_HASH_TYPE_L2,
	OFFLOAD_NIC_HASH_L3 = PKT_HASH_TYPE_L3,
	OFFLOAD_NIC_HASH_L4 = PKT_HASH_TYPE_L4,
	OFFLOAD_NIC_HASH_OF_STACK,
	OFFLOAD_NIC_HASH_OF_STACK_L4,
};

/* What the stack makes the hash of a flow from. */
struct offload_nic_flow_keys {
	/* As in struct bpf_flow_keys; ETH_P_IP or ETH_P_IPV6, or 0 without addresses. */
	u8 addrs[32];
	u16 addr_proto;
	__be16 n_proto;
	/* In host byte order. */
	u32 flow_label;
	__be32 ports;
	__be32 gre_key;
	/* The outermost VLAN tag, in host byte order but for its protocols; all 0: there is none. */
	__be16 vlan_tpid;
	__be16 vlan_eth_type;
	u16 vlan_tci;
	u8 ip_proto;
};

/* Where ethtool_ops has its bit fields, which bindgen can't set in a constant. */
enum offload_nic_ethtool_bits {
	OFFLOAD_NIC_INPUT_XFRM = 0,
	OFFLOAD_NIC_RXFH_PER_CTX_FIELDS = 9,
	OFFLOAD_NIC_RXFH_PER_CTX_KEY = 10,
	OFFLOAD_NIC_CAP_RSS_RXNFC_ADDS = 11,
};

/* The most segments of a super-frame that the stack leaves to a driver. */
enum offload_nic_gso {
	OFFLOAD_NIC_MAX_SEGMENTS = 1024,
};

/* The buffers of XDP: pages, with free room before the frame and skb_shared_info behind it. */
enum offload_nic_xdp {
	OFFLOAD_NIC_XDP_BUFFER = PAGE_SIZE,
	OFFLOAD_NIC_XDP_SINGLE_BUFFER = SKB_WITH_OVERHEAD(PAGE_SIZE - XDP_PACKET_HEADROOM),
};

/* A received frame in its buffers, and what the device says of it to programs that ask. */
struct offload_nic_xdp_buff {
	struct xdp_buff xdp;
	u32 hash;
	/* 0: there is no hash. */
	enum xdp_rss_hash_type hash_type;
	/* Nanoseconds of the device's clock; 0: it has none. */
	u64 timestamp;
	/* The VLAN tag that is not among the bytes, in host byte order; no protocol: there is none. */
	u16 vlan_proto;
	u16 vlan_tci;
};

/* An interrupt of a queue. */
struct offload_nic_vector {
	unsigned int irq;
	struct irq_desc *desc;
	/* The CPU that handles it. Written with the lock of its descriptor. */
	unsigned int cpu;
	atomic_t state;
	/* Which of its device's it is. */
	u16 index;
	call_single_data_t csd;
	struct irq_work work;
	/* Its name for the user, since it was requested last. */
	char name[IFNAMSIZ + sizeof("-TxRx-65535")];
};

extern const struct xdp_metadata_ops offload_nic_xdp_metadata_ops;
extern const struct xsk_tx_metadata_ops offload_nic_xsk_tx_metadata_ops;

int offload_nic_block_setup(struct net_device *dev, struct flow_block_offload *block,
			    flow_setup_cb_t *callback);
u32 offload_nic_bpf_prog_look(const struct bpf_prog *prog, void *bytes, u32 len,
			      struct xdp_rxq_info *info);
u32 offload_nic_bpf_prog_look_sending(const struct bpf_prog *prog, void *bytes, u32 len,
				      struct net_device *dev, u32 queue);
u32 offload_nic_bpf_prog_run_xdp(const struct bpf_prog *prog, struct xdp_buff *xdp);
void offload_nic_consume_skb(struct sk_buff *skb);
bool offload_nic_crosststamp(struct system_device_crosststamp *xtstamp);
struct dentry *offload_nic_debugfs_create_symlink(const char *name, struct dentry *parent,
						   const char *target);
struct dentry *offload_nic_debugfs_lookup(const char *name, struct dentry *parent);
u32 offload_nic_dev_base_seq(const struct net *net);
struct net *offload_nic_dev_net(const struct net_device *dev);
void offload_nic_dev_net_set(struct net_device *dev, struct net *net);
void offload_nic_dput(struct dentry *dentry);
void offload_nic_eth_hw_addr_random(struct net_device *dev);
void offload_nic_extack_set(struct netlink_ext_ack *extack, const char *msg);
void offload_nic_extack_set_copy(struct netlink_ext_ack *extack, const char *msg);
netdev_features_t offload_nic_features(const struct net_device *dev);
int offload_nic_flow_dissect(const struct net_device *dev, const void *frame, u32 len, u32 flags,
			     struct offload_nic_dissected *dissected);
const struct bpf_prog *offload_nic_flow_dissector(const struct net_device *dev);
u32 offload_nic_flow_hash(const struct offload_nic_flow_keys *keys, bool by_program);
bool offload_nic_bpf_is_self_contained(const struct bpf_prog *prog);
const struct bpf_prog *offload_nic_first_at_ingress(const struct net_device *dev);
bool offload_nic_genl_has_listeners(const struct genl_family *family, struct net *net,
				    unsigned int group);
struct net *offload_nic_genl_info_net(const struct genl_info *info);
void offload_nic_genl_set_err(const struct genl_family *family, struct net *net,
			      unsigned int group);
void offload_nic_genlmsg_cancel(struct sk_buff *skb, void *header);
void offload_nic_genlmsg_end(struct sk_buff *skb, void *header);
int offload_nic_genlmsg_multicast_netns(const struct genl_family *family, struct net *net,
					struct sk_buff *skb, unsigned int group);
struct sk_buff *offload_nic_genlmsg_new(size_t payload);
int offload_nic_genlmsg_reply(struct sk_buff *skb, struct genl_info *info);
struct net *offload_nic_get_current_net(void);
void offload_nic_init_delayed_work(struct delayed_work *work,
				   void (*function)(struct work_struct *));
void offload_nic_init_work(struct work_struct *work, void (*function)(struct work_struct *));
bool offload_nic_irqs_disabled(void);
void offload_nic_local_bh_disable(void);
void offload_nic_local_bh_enable(void);
void offload_nic_napi_add_config(struct net_device *dev, struct napi_struct *napi,
				 int (*poll)(struct napi_struct *, int), int index);
void offload_nic_napi_del_without_wait(struct napi_struct *napi);
void offload_nic_napi_mark_scheduled(struct napi_struct *napi);
struct sk_buff *offload_nic_napi_alloc_skb(struct napi_struct *napi, unsigned int headroom,
					   unsigned int len);
void offload_nic_napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb);
void offload_nic_napi_receive(struct napi_struct *napi, struct sk_buff *skb, u16 queue,
			      bool is_last);
bool offload_nic_napi_receive_sent(struct napi_struct *napi, struct sk_buff *skb, u16 queue,
				   u32 hash, enum offload_nic_hash kind);
void offload_nic_napi_receive_classified(struct napi_struct *napi, struct sk_buff *skb,
					 const struct offload_nic_classified *found);
void offload_nic_napi_schedule(struct napi_struct *napi);
void offload_nic_hw_addr_copy(const struct netdev_hw_addr_list *list, u8 (*to)[ETH_ALEN], u32 room);
u32 offload_nic_hw_addr_count(const struct netdev_hw_addr_list *list);
unsigned int offload_nic_longest_forwarded(const struct net_device *dev);
bool offload_nic_netif_running(const struct net_device *dev);
void offload_nic_netif_tx_disable(struct net_device *dev);
void offload_nic_netif_tx_start_all_queues(struct net_device *dev);
void offload_nic_netif_wake_subqueue(struct net_device *dev, u16 queue);
void offload_nic_netif_stop_subqueue(struct net_device *dev, u16 queue);
unsigned int offload_nic_mtu(const struct net_device *dev);
void *offload_nic_netdev_priv(const struct net_device *dev);
void offload_nic_nl_dump_check_consistent(struct netlink_callback *cb, void *header);
void offload_nic_nla_nest_cancel(struct sk_buff *skb, struct nlattr *start);
void offload_nic_nla_nest_end(struct sk_buff *skb, struct nlattr *start);
struct nlattr *offload_nic_nla_nest_start(struct sk_buff *skb, int type);
struct page_pool *offload_nic_page_pool_create(struct napi_struct *napi, struct net_device *dev,
						u32 queue, unsigned int frames);
int offload_nic_ptp_clock_index(struct ptp_clock *clock);
struct ptp_clock *offload_nic_ptp_clock_register(struct ptp_clock_info *info,
						  struct device *parent);
void offload_nic_ptp_clock_unregister(struct ptp_clock *clock);
void offload_nic_ptp_read_system_postts(struct ptp_system_timestamp *sts);
void offload_nic_ptp_read_system_prets(struct ptp_system_timestamp *sts);
void offload_nic_ptr_ring_cleanup(struct ptr_ring *ring, void (*destroy)(void *));
void *offload_nic_ptr_ring_consume(struct ptr_ring *ring);
int offload_nic_ptr_ring_consume_batched(struct ptr_ring *ring, void **array, int n);
bool offload_nic_ptr_ring_empty(struct ptr_ring *ring);
bool offload_nic_ptr_ring_full(struct ptr_ring *ring);
int offload_nic_ptr_ring_init(struct ptr_ring *ring, int size);
int offload_nic_ptr_ring_produce(struct ptr_ring *ring, struct sk_buff *skb, u64 arrived);
int offload_nic_ptr_ring_send(struct ptr_ring *ring, struct sk_buff *skb, const void *cb,
			      size_t len, u64 sent, u64 arrived);
int offload_nic_ptr_ring_resize(struct ptr_ring *ring, int size, struct sk_buff **misfits);
void offload_nic_put_net(struct net *net);
u32 offload_nic_raw_smp_processor_id(void);
unsigned int offload_nic_read_seqbegin(const seqlock_t *lock);
bool offload_nic_read_seqretry(const seqlock_t *lock, unsigned int begun);
int offload_nic_restart_syscall(void);
u32 *offload_nic_rxfh_context_indir(struct ethtool_rxfh_context *context);
u8 *offload_nic_rxfh_context_key(struct ethtool_rxfh_context *context);
unsigned int offload_nic_rx_flags(const struct net_device *dev);
bool offload_nic_same_net(const struct net_device *a, const struct net_device *b);
void offload_nic_schedule_delayed_work(struct delayed_work *work, unsigned int milliseconds);
void offload_nic_schedule_work(struct work_struct *work);
void offload_nic_seqlock_init(seqlock_t *lock);
void offload_nic_set_priv_flags(struct net_device *dev);
void offload_nic_set_features(struct net_device *dev, netdev_features_t features,
			      netdev_features_t optional, u16 max_segments);
void offload_nic_set_mtu(struct net_device *dev, unsigned int mtu);
void offload_nic_set_netdev_dev(struct net_device *dev, struct device *parent);
void offload_nic_set_unicast_filter(struct net_device *dev);
void offload_nic_sha256_update(struct sha256_ctx *ctx, const u8 *data, size_t len);
void offload_nic_skb_append(struct sk_buff *to, struct sk_buff **last, struct sk_buff *from,
			    u32 header);
bool offload_nic_skb_append_copy(struct sk_buff *to, struct page_pool *pool, const u8 *from,
				 u32 len, u32 *left);
void offload_nic_skb_append_shared(struct sk_buff *to, struct sk_buff **last, struct sk_buff *from);
u32 offload_nic_skb_asks(const struct sk_buff *skb);
bool offload_nic_skb_can_be_shared(const struct sk_buff *skb);
void offload_nic_skb_checksum_complete(struct sk_buff *skb, u16 sum);
void offload_nic_skb_checksum_done(struct sk_buff *skb);
bool offload_nic_skb_copy_to_pages(struct sk_buff *to, struct page_pool *pool,
				   const struct sk_buff *from, u32 offset, u32 len);
struct sk_buff *offload_nic_skb_cut_again(struct sk_buff *skb);
bool offload_nic_skb_device_hash(const struct sk_buff *skb, u32 *hash);
struct sk_buff *offload_nic_skb_frag_list(const struct sk_buff *skb);
bool offload_nic_skb_is_gso(const struct sk_buff *skb);
struct offload_nic_offload_request offload_nic_skb_offload_request(struct sk_buff *skb);
bool offload_nic_skb_goes_back_alike(const struct sk_buff *one, const struct sk_buff *other);
bool offload_nic_skb_has_hwtstamp(const struct sk_buff *skb);
bool offload_nic_skb_has_lent_frags(const struct sk_buff *skb);
bool offload_nic_skb_has_stable_frags(const struct sk_buff *skb);
const void *offload_nic_skb_page(const struct sk_buff *skb, u32 index, u32 *len);
const void *offload_nic_skb_piece(const struct sk_buff *skb, u32 offset, u32 *len);
bool offload_nic_skb_share(struct sk_buff *to, const struct sk_buff *from, u32 offset, u32 len);
void offload_nic_skb_metadata_set(struct sk_buff *skb, u8 len);
void offload_nic_skb_orphan(struct sk_buff *skb);
void offload_nic_skb_reserve(struct sk_buff *skb, int len);
int offload_nic_skb_queue_of_readable(const struct sk_buff *skb);
struct sk_buff *offload_nic_skb_segment(struct sk_buff *skb, bool checksums);
void offload_nic_skb_set_coalesced(struct sk_buff *skb,
				   const struct offload_nic_offload_request *made);
void offload_nic_skb_set_hash(struct sk_buff *skb, u32 hash, enum offload_nic_hash kind);
void offload_nic_skb_set_hwtstamp(struct sk_buff *skb, u64 time);
void offload_nic_skb_set_vlan_tag(struct sk_buff *skb, u16 protocol, u16 tci);
struct sk_buff *offload_nic_skb_share_check(struct sk_buff *skb);
bool offload_nic_skb_shared(const struct sk_buff *skb);
bool offload_nic_skb_take_over(struct sk_buff *skb);
void offload_nic_skb_take_over_paged(struct sk_buff *skb);
unsigned int offload_nic_skb_tailroom(const struct sk_buff *skb);
void offload_nic_skb_tx_timestamps(struct sk_buff *skb, u64 sent);
void offload_nic_skb_vlan_inserted(struct sk_buff *skb);
int offload_nic_skb_vlan_room(struct sk_buff *skb);
u32 offload_nic_skb_vlan_tag(const struct sk_buff *skb);
bool offload_nic_skb_wants_hwtstamp(const struct sk_buff *skb);
void offload_nic_smp_mb(void);
bool offload_nic_tc_can_offload(const struct net_device *dev,
				struct flow_cls_common_offload *common);
bool offload_nic_tcf_exts_has_actions(struct tcf_exts *exts);
void offload_nic_trace_xdp_exception(const struct net_device *dev, const struct bpf_prog *prog,
				     u32 action);
void offload_nic_vector_destroy(struct offload_nic_vector *vector);
void offload_nic_vector_follow(struct offload_nic_vector *vector, struct napi_struct *napi);
void offload_nic_vector_free(struct offload_nic_vector *vector, struct napi_struct *napi);
int offload_nic_vector_init(struct offload_nic_vector *vector, u16 index);
void offload_nic_vector_raise(struct offload_nic_vector *vector);
int offload_nic_vector_request(struct offload_nic_vector *vector, const struct net_device *dev,
			       struct napi_struct *napi);
netdev_features_t offload_nic_vlan_filters(const struct net_device *dev);
unsigned long offload_nic_write_seqlock(seqlock_t *lock);
void offload_nic_write_sequnlock(seqlock_t *lock, unsigned long flags);
int offload_nic_xdp_buff_from_skb(struct xdp_buff *xdp, struct xdp_rxq_info *info,
				  struct page_pool *pool, const struct sk_buff *skb,
				  bool without_tag, u32 header);
bool offload_nic_xdp_buff_has_frags(const struct xdp_buff *xdp);
int offload_nic_xdp_rxq_info_reg(struct xdp_rxq_info *info, struct net_device *dev, u32 index);

#endif
