// SPDX-License-Identifier: GPL-2.0
/*
 * Socket buffers.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <linux/if_vlan.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/skbuff_ref.h>
#include <net/gre.h>
#include <net/gso.h>
#include <net/page_pool/helpers.h>
#include <net/sock.h>

#include "../helpers.h"

void offload_nic_consume_skb(struct sk_buff *skb)
{
	consume_skb(skb);
}

/*
 * How much memory a frame takes for copies that are appended to it, at a time. Most are of few parts: what
 * the first one takes counts against the socket that gets them. With others of 4 KiB there is
 * enough in the list for 64 KiB.
 */
static u32 appended_piece(const struct sk_buff *to, u32 len)
{
	u32 most = min_t(unsigned long, PAGE_SIZE, SZ_4K);

	if (skb_shinfo(to)->nr_frags || len >= most)
		return most;
	return max_t(u32, roundup_pow_of_two(len), SMP_CACHE_BYTES);
}

/*
 * Whether the head of a frame to which nobody else has a reference can be a receiver's: nobody has
 * its bytes too, and it is not of the memory which is kept for those who free some.
 */
static bool can_be_taken_over(const struct sk_buff *skb)
{
	return !skb_cloned(skb) && !skb_has_frag_list(skb) && !skb_zcopy((struct sk_buff *)skb) &&
		!skb_is_gso(skb) && !skb_pfmemalloc(skb);
}

/* Has nothing be left of what a sender's host has noted with a frame, but for where its bytes lie. */
static void forget_sender(struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	u8 nr_frags = shinfo->nr_frags;

	skb_orphan(skb);
	skb_dst_drop(skb);
	skb_ext_reset(skb);
	nf_reset_ct(skb);

	skb->tstamp = 0;
	skb->mac_len = 0;
	skb->hdr_len = 0;
	skb->queue_mapping = 0;
	skb->nohdr = 0;
	skb->peeked = 0;
	memset(skb->cb, 0, sizeof(skb->cb));
	memset(&skb->headers, 0, sizeof(skb->headers));
	skb->alloc_cpu = raw_smp_processor_id();
	skb->mac_header = (typeof(skb->mac_header))~0U;
	skb->transport_header = (typeof(skb->transport_header))~0U;
	memset(shinfo, 0, offsetof(struct skb_shared_info, dataref));
	shinfo->nr_frags = nr_frags;
}

/* Has from, from which the headers are taken, be the part behind last of to, which it becomes. */
static void append_part(struct sk_buff *to, struct sk_buff **last, struct sk_buff *from)
{
	if (*last == to)
		skb_shinfo(to)->frag_list = from;
	else
		(*last)->next = from;
	from->next = NULL;
	from->dev = NULL;
	__skb_header_release(from);
	*last = from;
}

static void count_appended(struct sk_buff *skb, u32 len, u32 truesize)
{
	skb->len += len;
	skb->data_len += len;
	skb->truesize += truesize;
}

/*
 * Puts what is behind the first header bytes of from, which lies in one piece, behind all that to
 * has, where it lies: as skb_gro_receive() does. Memory that is of a page becomes one of the pages
 * of the last part; else, or if that has as many as fit, from becomes the last part itself. last is
 * to, or the last one of its list. from is to's then.
 */
void offload_nic_skb_append(struct sk_buff *to, struct sk_buff **last, struct sk_buff *from,
			    u32 header)
{
	struct sk_buff *part = *last;
	int index = skb_shinfo(part)->nr_frags;
	u32 len = from->len - header, truesize = from->truesize;

	__skb_pull(from, header);
	if (from->head_frag && from->fclone == SKB_FCLONE_UNAVAILABLE && index < MAX_SKB_FRAGS) {
		struct page *page = virt_to_head_page(from->head);

		skb_fill_page_desc(part, index, page, from->data - (u8 *)page_address(page), len);
		truesize -= SKB_DATA_ALIGN(sizeof(struct sk_buff));
		if (part != to)
			count_appended(part, len, truesize);
		kfree_skb_partial(from, true);
	} else {
		append_part(to, last, from);
	}
	count_appended(to, len, truesize);
}

/*
 * As offload_nic_skb_append(), of all behind the linear part of from, which lies in pages: they
 * become pages of the last part. What goes on where that ends becomes one with it, so that of a
 * sender that has written a page there is one. Context: a poll.
 */
void offload_nic_skb_append_shared(struct sk_buff *to, struct sk_buff **last, struct sk_buff *from)
{
	struct sk_buff *part = *last;
	struct skb_shared_info *shinfo = skb_shinfo(part), *more = skb_shinfo(from);
	u32 len = from->data_len, truesize = from->truesize;
	bool joins = skb_can_coalesce(part, shinfo->nr_frags, skb_frag_page(&more->frags[0]),
				      skb_frag_off(&more->frags[0]));
	int count = more->nr_frags - joins;

	/* The sender has them, too: see offload_nic_skb_take_over_paged(). */
	skb_shinfo(to)->flags |= SKBFL_SHARED_FRAG;
	shinfo->flags |= SKBFL_SHARED_FRAG;
	if (shinfo->nr_frags + count <= MAX_SKB_FRAGS) {
		if (joins) {
			skb_frag_size_add(&shinfo->frags[shinfo->nr_frags - 1],
					  skb_frag_size(&more->frags[0]));
			skb_frag_unref(from, 0);
		}
		memcpy(&shinfo->frags[shinfo->nr_frags], &more->frags[joins],
		       count * sizeof(skb_frag_t));
		shinfo->nr_frags += count;
		more->nr_frags = 0;
		truesize -= min_t(u32, truesize, SKB_TRUESIZE(skb_end_offset(from)));
		if (part != to)
			count_appended(part, len, truesize);
		from->len -= len;
		from->data_len = 0;
		napi_consume_skb(from, 1);
	} else {
		offload_nic_skb_take_over_paged(from);
		__skb_pull(from, skb_headlen(from));
		append_part(to, last, from);
	}
	count_appended(to, len, truesize);
}

/*
 * Puts a copy of len bytes behind all that to has, into pages of pool. left is the room behind the
 * last of those that came here before. Whether there was memory, and a place in the list; else
 * nothing has changed. Context: the poll that has the pool.
 */
bool offload_nic_skb_append_copy(struct sk_buff *to, struct page_pool *pool, const u8 *from,
				 u32 len, u32 *left)
{
	struct skb_shared_info *shinfo = skb_shinfo(to);
	struct {
		struct page *page;
		unsigned int start, room;
	} pieces[MAX_SKB_FRAGS];
	u32 here = min(len, *left), piece = appended_piece(to, len);
	u32 more = DIV_ROUND_UP(len - here, piece), i;

	if (shinfo->nr_frags + more > MAX_SKB_FRAGS)
		return false;

	for (i = 0; i < more; i++) {
		pieces[i].room = piece;
		pieces[i].page = page_pool_dev_alloc(pool, &pieces[i].start, &pieces[i].room);
		if (!pieces[i].page)
			goto undo;
	}

	if (here) {
		skb_frag_t *last = &shinfo->frags[shinfo->nr_frags - 1];

		memcpy(skb_frag_address(last) + skb_frag_size(last), from, here);
		skb_frag_size_add(last, here);
		to->len += here;
		to->data_len += here;
		*left -= here;
	}

	if (more)
		skb_mark_for_recycle(to);
	from += here;
	len -= here;
	for (i = 0; i < more; i++) {
		u32 size = min(len, piece);

		memcpy(page_address(pieces[i].page) + pieces[i].start, from, size);
		skb_add_rx_frag(to, shinfo->nr_frags, pieces[i].page, pieces[i].start, size,
				pieces[i].room);
		from += size;
		len -= size;
		*left = piece - size;
	}
	return true;

undo:
	while (i--)
		page_pool_put_full_page(pool, pieces[i].page, false);
	return false;
}

/*
 * Whether nobody else has a reference to a frame, its head can be a receiver's, and all behind its
 * linear part lies in pages to which nobody writes any more.
 */
bool offload_nic_skb_can_be_shared(const struct sk_buff *skb)
{
	return !skb_shared(skb) && can_be_taken_over(skb) && offload_nic_skb_has_stable_frags(skb);
}

/* A sum of bytes, folded to 16 bits, is a __wsum as well. */
void offload_nic_skb_checksum_complete(struct sk_buff *skb, u16 sum)
{
	skb->csum = (__force __wsum)sum;
	skb->ip_summed = CHECKSUM_COMPLETE;
}

void offload_nic_skb_checksum_done(struct sk_buff *skb)
{
	skb_reset_csum_not_inet(skb);
	skb->ip_summed = CHECKSUM_NONE;
}

/*
 * Puts a copy of len bytes of from, from offset on, behind the headers that to has: into pages
 * of pool, from the beginning of each, so that full ones can be mapped. Small pieces share one.
 * Whether there was memory for all. Context: the poll that has the pool.
 */
bool offload_nic_skb_copy_to_pages(struct sk_buff *to, struct page_pool *pool,
				   const struct sk_buff *from, u32 offset, u32 len)
{
	skb_mark_for_recycle(to);
	while (len) {
		u32 size = min_t(u32, len, PAGE_SIZE);
		int index = skb_shinfo(to)->nr_frags;
		unsigned int start, room = size;
		struct page *page;

		if (index == MAX_SKB_FRAGS)
			return false;

		page = page_pool_dev_alloc(pool, &start, &room);
		if (!page)
			return false;

		skb_add_rx_frag(to, index, page, start, size, room);
		if (skb_copy_bits(from, offset, page_address(page) + start, size))
			return false;
		offset += size;
		len -= size;
	}
	return true;
}

/*
 * Cuts a frame that was put together, as it is before the stack has looked at it, into new ones as
 * they go on a wire: all of it done by the CPU. The frame stays as it is; segmentation moves the
 * headers of what it is given. Gives an error, or nothing, if it can't be cut.
 */
struct sk_buff *offload_nic_skb_cut_again(struct sk_buff *skb)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN), *segments;

	if (!clone)
		return ERR_PTR(-ENOMEM);

	skb_reset_mac_header(clone);
	clone->protocol = eth_hdr(clone)->h_proto;
	segments = skb_gso_segment(clone, 0);
	consume_skb(clone);
	return segments;
}

/*
 * Whether the frame has a hash of addresses and ports that its device has told, and which. What the
 * stack works out by itself is another one.
 */
bool offload_nic_skb_device_hash(const struct sk_buff *skb, u32 *hash)
{
	*hash = skb->hash;
	return skb->l4_hash && !skb->sw_hash;
}

struct sk_buff *offload_nic_skb_frag_list(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->frag_list;
}

bool offload_nic_skb_is_gso(const struct sk_buff *skb)
{
	return skb_is_gso(skb);
}

/* A header that was never set has an offset far beyond any frame, or before it. */
static u16 header_offset(const struct sk_buff *skb, int offset)
{
	return offset > 0 && offset <= skb_headlen(skb) ? min(offset, U16_MAX) : 0;
}

struct offload_nic_offload_request offload_nic_skb_offload_request(struct sk_buff *skb)
{
	struct offload_nic_offload_request request = {};

	request.network = header_offset(skb, skb_network_offset(skb));
	if (skb_transport_header_was_set(skb))
		request.transport = header_offset(skb, skb_transport_offset(skb));
	if (skb->encapsulation) {
		request.encapsulation = true;
		request.inner_network = header_offset(skb, skb_inner_network_offset(skb));
		request.inner_transport = header_offset(skb, skb_inner_transport_offset(skb));
	} else if (skb_inner_network_header_was_set(skb)) {
		request.labelled = header_offset(skb, skb_inner_network_offset(skb));
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		request.csum = true;
		request.csum_not_inet = skb_csum_is_sctp(skb);
		request.csum_start = skb_checksum_start_offset(skb);
		request.csum_offset = skb->csum_offset;
	}
	if (skb_is_gso(skb)) {
		request.gso_size = skb_shinfo(skb)->gso_size;
		request.gso_segs = skb_shinfo(skb)->gso_segs;
		request.gso_type = skb_shinfo(skb)->gso_type;
	}
	return request;
}

/*
 * Whether a task may still write to pages of a frame: it has lent them, and they are marked,
 * but for those of a packet socket's ring.
 */
bool offload_nic_skb_has_lent_frags(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	if (!skb_shinfo(skb)->nr_frags)
		return false;
	return skb_zcopy((struct sk_buff *)skb) || skb_has_shared_frag(skb) ||
		(sk && sk_fullsock(sk) && sk->sk_family == AF_PACKET);
}

/*
 * Whether nobody writes to the pages of a frame any more. Of one that was received, nobody knows
 * whether its pages are lent; a socket of the Internet protocols has marked them, or has copied
 * the bytes.
 */
bool offload_nic_skb_has_stable_frags(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	return sk && sk_fullsock(sk) && sk_is_inet(sk) && !offload_nic_skb_has_lent_frags(skb);
}

/* What there is to be done before a frame is as it goes on a wire, and nobody else's. */
u32 offload_nic_skb_asks(const struct sk_buff *skb)
{
	u32 asks = 0;

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		asks |= OFFLOAD_NIC_ASKS_CHECKSUM;
	if (skb_is_gso(skb))
		asks |= OFFLOAD_NIC_ASKS_SEGMENTS;
	if (skb_shared(skb))
		asks |= OFFLOAD_NIC_ASKS_COPY;
	return asks;
}

/* The bytes of a frame in page number index of those of a pool's, or NULL if it has fewer. */
const void *offload_nic_skb_page(const struct sk_buff *skb, u32 index, u32 *len)
{
	const skb_frag_t *frag;

	if (index >= skb_shinfo(skb)->nr_frags)
		return NULL;

	frag = &skb_shinfo(skb)->frags[index];
	*len = skb_frag_size(frag);
	return skb_frag_address(frag);
}

/*
 * The bytes of a frame from offset on that lie in one piece, and how many there are. NULL if
 * they can't be looked at, or lie in a list of frames.
 */
const void *offload_nic_skb_piece(const struct sk_buff *skb, u32 offset, u32 *len)
{
	u32 start = skb_headlen(skb);
	int i;

	if (offset < start) {
		*len = start - offset;
		return skb->data + offset;
	}

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		u32 size = skb_frag_size(frag);

		if (offset - start < size) {
			*len = size - (offset - start);
			return IS_ENABLED(CONFIG_HIGHMEM) ? NULL :
				skb_frag_address_safe(frag) + (offset - start);
		}
		start += size;
	}
	return NULL;
}

/*
 * Puts len bytes of from's pages behind the headers that to has. Whether it fits. Who wants to
 * write to them, as IPsec does, has to copy them: the sender may need them again. The frame
 * counts as much as one in a buffer of its own: whoever keeps it keeps the pages.
 */
bool offload_nic_skb_share(struct sk_buff *to, const struct sk_buff *from, u32 offset, u32 len)
{
	struct skb_shared_info *shinfo = skb_shinfo(to);
	u32 start = skb_headlen(from);
	int i;

	to->truesize += SKB_DATA_ALIGN(NET_SKB_PAD + NET_IP_ALIGN + to->len + len) +
		SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	shinfo->flags |= SKBFL_SHARED_FRAG;
	for (i = 0; i < skb_shinfo(from)->nr_frags && len; i++) {
		const skb_frag_t *frag = &skb_shinfo(from)->frags[i];
		u32 size = skb_frag_size(frag), skip, take;

		skip = offset - start;
		start += size;
		if (skip >= size)
			continue;
		if (shinfo->nr_frags == MAX_SKB_FRAGS)
			return false;

		take = min(size - skip, len);
		shinfo->frags[shinfo->nr_frags] = *frag;
		skb_frag_off_add(&shinfo->frags[shinfo->nr_frags], skip);
		skb_frag_size_set(&shinfo->frags[shinfo->nr_frags], take);
		skb_frag_ref(to, shinfo->nr_frags);
		shinfo->nr_frags++;
		to->len += take;
		to->data_len += take;
		offset += take;
		len -= take;
	}
	return !len;
}

/* Whether the memory of both goes back to page pools, or that of neither. */
bool offload_nic_skb_goes_back_alike(const struct sk_buff *one, const struct sk_buff *other)
{
	return one->pp_recycle == other->pp_recycle;
}

bool offload_nic_skb_has_hwtstamp(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->hwtstamps.hwtstamp;
}

void offload_nic_skb_metadata_set(struct sk_buff *skb, u8 len)
{
	skb_metadata_set(skb, len);
}

void offload_nic_skb_orphan(struct sk_buff *skb)
{
	skb_orphan(skb);
}

void offload_nic_skb_reserve(struct sk_buff *skb, int len)
{
	skb_reserve(skb, len);
}

/* The transmit queue of a frame, or -1 if its pages can't be read. */
int offload_nic_skb_queue_of_readable(const struct sk_buff *skb)
{
	return skb_frags_readable(skb) ? skb_get_queue_mapping(skb) : -1;
}

/*
 * As skb_gso_segment(), without help of any device but for checksums. Gives NULL if there is
 * nothing to cut.
 */
struct sk_buff *offload_nic_skb_segment(struct sk_buff *skb, bool checksums)
{
	netdev_features_t features = NETIF_F_SG;

	if (checksums)
		features |= NETIF_F_HW_CSUM | NETIF_F_SCTP_CRC;
	return skb_gso_segment(skb, features);
}

/*
 * Length of the GRE header at an offset, which no sequence number makes longer: GRO does not take
 * such a frame. 0 if there is none.
 */
static int gre_header_len(const struct sk_buff *skb, int offset)
{
	struct gre_base_hdr buffer;
	const struct gre_base_hdr *header;
	IP_TUNNEL_DECLARE_FLAGS(flags);

	header = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!header)
		return 0;
	gre_flags_to_tnl_flags(flags, header->flags);
	return gre_calc_hlen(flags);
}

/* EtherType of the IP header at an offset. */
static __be16 ip_protocol(const struct sk_buff *skb, int offset)
{
	u8 buffer;
	const u8 *version;

	version = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	return cpu_to_be16(version && *version >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
}

/*
 * Makes a frame what GRO makes of several: the opposite of offload_nic_skb_offload_request(), for
 * TCP and UDP in IP, in IP in IP, and in GRE between those. See tcp_gro_complete(),
 * udp_gro_complete_segment(), gre_gro_complete(), and inet_gro_complete() with its like.
 */
void offload_nic_skb_set_coalesced(struct sk_buff *skb,
				   const struct offload_nic_offload_request *made)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	skb_set_network_header(skb, made->network);
	skb_set_transport_header(skb, made->csum_start);
	if (made->encapsulation) {
		skb->encapsulation = 1;
		if (made->gso_type & (SKB_GSO_GRE | SKB_GSO_GRE_CSUM))
			skb_set_inner_mac_header(skb, made->transport +
						 gre_header_len(skb, made->transport));
		skb_set_inner_network_header(skb, made->inner_network);
		skb_set_inner_transport_header(skb, made->inner_transport);
		skb_set_inner_protocol(skb, ip_protocol(skb, made->inner_network));
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + made->csum_start;
	skb->csum_offset = made->csum_offset;
	shinfo->gso_size = made->gso_size;
	shinfo->gso_segs = made->gso_segs;
	shinfo->gso_type = made->gso_type;
}

void offload_nic_skb_set_hash(struct sk_buff *skb, u32 hash, enum offload_nic_hash kind)
{
	switch (kind) {
	case OFFLOAD_NIC_HASH_OF_STACK:
	case OFFLOAD_NIC_HASH_OF_STACK_L4:
		__skb_set_sw_hash(skb, hash, kind == OFFLOAD_NIC_HASH_OF_STACK_L4);
		break;
	default:
		skb_set_hash(skb, hash, (enum pkt_hash_types)kind);
	}
}

void offload_nic_skb_set_hwtstamp(struct sk_buff *skb, u64 time)
{
	skb_hwtstamps(skb)->hwtstamp = ns_to_ktime(time);
}

void offload_nic_skb_set_vlan_tag(struct sk_buff *skb, u16 protocol, u16 tci)
{
	__vlan_hwaccel_put_tag(skb, cpu_to_be16(protocol), tci);
}

struct sk_buff *offload_nic_skb_share_check(struct sk_buff *skb)
{
	return skb_share_check(skb, GFP_ATOMIC);
}

bool offload_nic_skb_shared(const struct sk_buff *skb)
{
	return skb_shared(skb);
}

/*
 * Makes a frame that was sent, and to which nobody else has a reference, one that was received
 * without a copy: but for its bytes all is as in a new skb. Its length is 0 then; the bytes stay
 * where they are. Returns false, and nothing has changed, if they do not all lie in its head, or
 * that can't be a receiver's.
 */
bool offload_nic_skb_take_over(struct sk_buff *skb)
{
	if (skb_is_nonlinear(skb) || !can_be_taken_over(skb))
		return false;

	forget_sender(skb);
	__skb_set_length(skb, 0);
	return true;
}

/*
 * As offload_nic_skb_take_over(), of one of which offload_nic_skb_can_be_shared() has said that it
 * can be, with its length as it is. Who wants to write to the pages, as IPsec does, has to copy
 * them: the sender may need them again.
 */
void offload_nic_skb_take_over_paged(struct sk_buff *skb)
{
	forget_sender(skb);
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
}

unsigned int offload_nic_skb_tailroom(const struct sk_buff *skb)
{
	return skb_tailroom(skb);
}

/*
 * Makes room for a VLAN tag before a frame to be sent, whose header is then nobody else's.
 * Returns 0, or -ENOMEM and nothing has changed.
 */
int offload_nic_skb_vlan_room(struct sk_buff *skb)
{
	int error = skb_cow_head(skb, VLAN_HLEN);

	if (error)
		return error;

	memset(skb_push(skb, VLAN_HLEN), 0, VLAN_HLEN);
	skb_reset_mac_header(skb);
	return 0;
}

/* The tag that is beside a frame is among its bytes now. */
void offload_nic_skb_vlan_inserted(struct sk_buff *skb)
{
	skb->protocol = skb->vlan_proto;
	__vlan_hwaccel_clear_tag(skb);
}

/* The tag beside a frame in host byte order, its protocol in the high 16 bits; 0 if there is none. */
u32 offload_nic_skb_vlan_tag(const struct sk_buff *skb)
{
	if (!skb_vlan_tag_present(skb))
		return 0;
	return (u32)be16_to_cpu(skb->vlan_proto) << 16 | skb_vlan_tag_get(skb);
}

/* Whether the sender of a frame wants to know when a device has sent it. */
bool offload_nic_skb_wants_hwtstamp(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP;
}

/*
 * The time stamps of a frame that leaves, for its sender: sent is that of the device, or 0 if it
 * takes none. Where there is one the software's is left out, unless the sender wants both. The
 * two are taken at once: nothing is in progress any more, should the frame be sent again.
 */
void offload_nic_skb_tx_timestamps(struct sk_buff *skb, u64 sent)
{
	struct skb_shared_hwtstamps hwtstamps = { .hwtstamp = ns_to_ktime(sent) };

	if (!sent || !offload_nic_skb_wants_hwtstamp(skb)) {
		skb_tx_timestamp(skb);
		return;
	}

	skb_shinfo(skb)->tx_flags |= SKBTX_IN_PROGRESS;
	skb_tx_timestamp(skb);
	skb_tstamp_tx(skb, &hwtstamps);
	skb_shinfo(skb)->tx_flags &= ~SKBTX_IN_PROGRESS;
}
