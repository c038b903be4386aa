// SPDX-License-Identifier: GPL-2.0

//! Receive steering, as users choose it by `ethtool`.

mod raw;
pub(super) mod rule;
pub(super) mod user;
mod wanted;

use crate::port::{
    Chosen,
    Configuration,
    Port, //
};
use device::steering::Refusal;
use engine::{
    parser::FlowType,
    steer::{
        self,
        Fields,
        KEY_SIZE,
        MAIN_CONTEXT, //
    }, //
};
use kernel::{
    fmt,
    prelude::*, //
};
use net::{
    error::not_supported,
    ethtool::{
        FlowRule,
        FlowRules,
        HashFields,
        HashedFlow,
        Location,
        Resize,
        Rss,
        RssChange,
        RssContexts,
        RssTables,
        Symmetry, //
    },
    extack::Extack,
    netdev::Rtnl, //
};
use offload_uapi::limits::{
    MAX_CONTEXTS,
    MAX_INDIRECTION,
    MAX_RULES, //
};
use wanted::error;

/// The types of frames that users mean by `flow`.
const fn flow_types(flow: HashedFlow) -> &'static [FlowType] {
    match flow {
        HashedFlow::Tcp4 => &[FlowType::Tcp4],
        HashedFlow::Udp4 => &[FlowType::Udp4],
        HashedFlow::Sctp4 => &[FlowType::Sctp4],
        HashedFlow::AhEsp4 => &[FlowType::Ah4, FlowType::Esp4],
        HashedFlow::Ah4 => &[FlowType::Ah4],
        HashedFlow::Esp4 => &[FlowType::Esp4],
        HashedFlow::Ip4 => &[FlowType::Ipv4],
        HashedFlow::Tcp6 => &[FlowType::Tcp6],
        HashedFlow::Udp6 => &[FlowType::Udp6],
        HashedFlow::Sctp6 => &[FlowType::Sctp6],
        HashedFlow::AhEsp6 => &[FlowType::Ah6, FlowType::Esp6],
        HashedFlow::Ah6 => &[FlowType::Ah6],
        HashedFlow::Esp6 => &[FlowType::Esp6],
        HashedFlow::Ip6 => &[FlowType::Ipv6],
        HashedFlow::Ether => &[FlowType::Ether],
        // To the device, and to the stack, its frames are UDP's.
        HashedFlow::Gtp => &[],
    }
}

/// What is the same in the words of the engine and of `ethtool`.
const FIELDS: &[(HashFields, Fields)] = &[
    (HashFields::L2_DESTINATION, Fields::L2DA),
    (HashFields::VLAN, Fields::VLAN),
    (HashFields::L3_PROTOCOL, Fields::L3_PROTO),
    (HashFields::IP_SOURCE, Fields::IP_SRC),
    (HashFields::IP_DESTINATION, Fields::IP_DST),
    (HashFields::L4_BYTES_0_1, Fields::L4_B_0_1),
    (HashFields::L4_BYTES_2_3, Fields::L4_B_2_3),
    (HashFields::IP6_FLOW_LABEL, Fields::IP6_FL),
    (HashFields::DISCARD, Fields::DISCARD),
];

/// In the words of the engine.
const fn symmetry(symmetry: Symmetry) -> steer::Symmetry {
    match symmetry {
        Symmetry::Off => steer::Symmetry::None,
        Symmetry::Xor => steer::Symmetry::Xor,
        Symmetry::OrXor => steer::Symmetry::OrXor,
    }
}

/// In the words of `ethtool`.
const fn told(symmetry: steer::Symmetry) -> Symmetry {
    match symmetry {
        steer::Symmetry::None => Symmetry::Off,
        steer::Symmetry::Xor => Symmetry::Xor,
        steer::Symmetry::OrXor => Symmetry::OrXor,
    }
}

impl Configuration {
    /// This, with what a user changes of it. The stack has checked lengths and queues.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn changed(&self, change: &RssChange<'_>) -> Result<Self> {
        let mut new = self.try_clone()?;
        if let Some(key) = change.key {
            new.key = key.try_into().map_err(|_| EINVAL)?;
        }
        if let Some(indirection) = change.indirection {
            for (entry, queue) in new.table.iter_mut().zip(indirection) {
                *entry = u16::try_from(*queue)?;
            }
        }
        if let Some(wanted) = change.symmetry {
            new.symmetry = symmetry(wanted);
        }
        Ok(new)
    }

    /// The table as the core has tables.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn told_table(&self) -> Result<KVVec<u32>> {
        let mut told = KVVec::with_capacity(self.table.len(), GFP_KERNEL)?;
        for queue in self.table.iter() {
            told.push(u32::from(*queue), GFP_KERNEL)?;
        }
        Ok(told)
    }

    /// Tells users what it is.
    fn tell(&self, tables: RssTables<'_>) -> Symmetry {
        tables.write(self.table.iter().map(|queue| u32::from(*queue)), &self.key);
        told(self.symmetry)
    }
}

impl Port {
    /// Refuses `new` for configuration `id` if a rule would come to a queue by it that is not in use.
    ///
    /// # Errors
    ///
    /// `EINVAL`.
    fn check_rules(
        &self,
        id: u32,
        new: &Configuration,
        chosen: &Chosen,
        extack: &Extack<'_>,
    ) -> Result {
        let in_use = self.device.queues_in_use();
        for (location, rule) in chosen
            .rules
            .iter()
            .filter(|(_, rule)| rule.context == Some(id))
        {
            if let Err(refusal) = rule::check(rule, Some(&new.table), in_use) {
                extack.fmt(fmt!("rule {location}: {refusal}"));
                return Err(refusal.errno());
            }
        }
        let table_of = |other| (other == id).then_some(&*new.table);
        raw::check_all(&chosen.raw, table_of, in_use).map_err(|(table, priority, refusal)| {
            extack.fmt(fmt!("table {table}: entry {priority}: {refusal}"));
            refusal.errno()
        })
    }

    /// Makes configuration `id` what `new` is, in the device first.
    ///
    /// # Errors
    ///
    /// `ENOENT`, or what the device refuses, as the user is told; then nothing has changed.
    fn configure(
        &self,
        id: u32,
        new: Configuration,
        chosen: &mut Chosen,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let others = chosen.contexts.iter().map(|(number, context)| {
            let is_new = *number == id;
            (*number, if is_new { &new } else { context })
        });
        let main = if id == MAIN_CONTEXT {
            &new
        } else {
            &chosen.main
        };
        self.steer(main, others, &chosen.rules, &chosen.raw)
            .map_err(|refusal| self.refused(&refusal, Some(extack), rtnl))?;
        *chosen.configuration_mut(id)? = new;
        Ok(())
    }

    /// Has the device steer by what is chosen, but by `rules`.
    ///
    /// # Errors
    ///
    /// What the device refuses, as the kernel log says; then nothing has changed.
    fn rule(&self, rules: KVVec<(u32, FlowRule)>, chosen: &mut Chosen, rtnl: &Rtnl<'_>) -> Result {
        self.steer(&chosen.main, chosen.others(), &rules, &chosen.raw)
            .map_err(|refusal| {
                self.refuse_rule(fmt!("{refusal}"), rtnl);
                error(&refusal)
            })?;
        chosen.rules = rules;
        Ok(())
    }

    /// Has the device steer as a new port does. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn begin_to_steer(&self) -> Result {
        let chosen = self.chosen.lock();
        self.steer(&chosen.main, chosen.others(), &chosen.rules, &chosen.raw)
            .map_err(|refusal| error(&refusal))
    }

    /// Tells the user why something is not done: by `extack`, or where the request has none, in the kernel
    /// log.
    fn tell(&self, why: fmt::Arguments<'_>, extack: &Extack<'_>, rtnl: &Rtnl<'_>) {
        if extack.has_reader() {
            extack.fmt(why);
        } else if net::log::ratelimit() {
            pr_info!("{}: {why}\n", self.device.name(rtnl));
        }
    }

    /// Tells the user why the device does not steer as it was to: by `extack`, or where the request has
    /// none, in the kernel log. The error for it.
    fn refused(&self, refusal: &Refusal, extack: Option<&Extack<'_>>, rtnl: &Rtnl<'_>) -> Error {
        match extack.filter(|extack| extack.has_reader()) {
            Some(extack) => extack.fmt(fmt!("{refusal}")),
            None if net::log::ratelimit() => {
                pr_info!(
                    "{}: steering stays as it is: {refusal}\n",
                    self.device.name(rtnl)
                );
            }
            None => {}
        }
        error(refusal)
    }

    /// Gives all tables the size that they have while `queues` queues are in use, and spreads frames
    /// over these, unless the user has said over which.
    ///
    /// # Errors
    ///
    /// `EINVAL` if what users have set would be lost, or what the device refuses, which the kernel log
    /// says; `ENOMEM`. Then nothing has changed.
    pub(super) fn spread_over(&self, queues: u16, rtnl: &Rtnl<'_>) -> Result {
        self.check_raw_queues(queues, rtnl)?;
        let len = Configuration::table_len(queues);
        let resize = self.resize(len, rtnl)?;
        let mut chosen = self.chosen.lock();
        let mut main = chosen.main.resized(len)?;
        if !self.device.has_user_indirection(rtnl) {
            main.table = Configuration::even_table(len, queues)?;
        }
        let mut contexts = KVVec::with_capacity(chosen.contexts.len(), GFP_KERNEL)?;
        for (id, context) in chosen.contexts.iter() {
            contexts.push((*id, context.resized(len)?), GFP_KERNEL)?;
        }
        let mut told = main.told_table()?;
        let others = contexts.iter().map(|(id, context)| (*id, context));
        self.steer(&main, others, &chosen.rules, &chosen.raw)
            .map_err(|refusal| self.refused(&refusal, None, rtnl))?;
        (chosen.main, chosen.contexts) = (main, contexts);
        // The core asks what they are.
        drop(chosen);
        match resize {
            // It was checked, and the lengths are right.
            Some(resize) => resize.apply(&mut told, queues, rtnl),
            None => Ok(()),
        }
    }

    /// A new length of all tables, if it is another one.
    fn resize<'a>(&'a self, len: u32, rtnl: &'a Rtnl<'_>) -> Result<Option<Resize<'a, Self>>> {
        let told = self.chosen.lock().main.told_table()?;
        let old = told.len();
        // No interface, no users.
        if old == len as usize || !self.device.is_registered(rtnl) {
            return Ok(None);
        }
        let resize = self.device.check_indirection_size(&told, len, rtnl);
        let resize = resize.inspect_err(|_| {
            if net::log::ratelimit() {
                pr_info!(
                    "{}: indirection tables of {old} entries can't have {len}: what users have set does not repeat\n",
                    self.device.name(rtnl)
                );
            }
        });
        resize.map(Some)
    }

    /// Tells the user what is wrong with fields: by `extack`, or where the request has none, in the
    /// kernel log.
    fn refuse_fields(&self, what: &str, extack: &Extack<'_>, rtnl: &Rtnl<'_>) {
        extack.fmt(fmt!("{what}"));
        if !extack.has_reader() && net::log::ratelimit() {
            pr_info!("{}: fields refused: {what}\n", self.device.name(rtnl));
        }
    }

    /// Tells the user, who gets nothing but a number, what is wrong with a rule.
    fn refuse_rule(&self, what: fmt::Arguments<'_>, rtnl: &Rtnl<'_>) {
        if net::log::ratelimit() {
            pr_info!("{}: rule refused: {what}\n", self.device.name(rtnl));
        }
    }

    /// Where `rule` is to be among `rules`.
    ///
    /// # Errors
    ///
    /// `EINVAL`, `ENOSPC`.
    fn location(&self, rule: &FlowRule, rules: &[(u32, FlowRule)], rtnl: &Rtnl<'_>) -> Result<u32> {
        let full = || {
            let used = rules.len();
            self.refuse_rule(
                fmt!("{used} of {MAX_RULES} locations are in use, and none is free where it was wanted"),
                rtnl,
            );
            ENOSPC
        };
        let ends = rules.first().zip(rules.last());
        let ends = ends.map(|((first, _), (last, _))| (*first, *last));
        match rule.location {
            Location::At(location) if location >= MAX_RULES => {
                self.refuse_rule(
                    fmt!(
                        "location {location} is beyond the last one, {}",
                        MAX_RULES - 1
                    ),
                    rtnl,
                );
                Err(EINVAL)
            }
            Location::At(location) => Ok(location),
            Location::Any => {
                // One that looks for the same can't be reached behind it.
                let of_frames = |rule: &FlowRule| (rule.flow, rule.extension, rule.destination);
                let mut all = rules.iter();
                let same = all.find(|(_, other)| of_frames(other) == of_frames(rule));
                if let Some((location, _)) = same {
                    return Ok(*location);
                }
                // The locations are sorted: the first that is not where it would be without a gap.
                let mut places = rules.iter().zip(0..MAX_RULES);
                let gap = places.find(|((location, _), place)| location != place);
                // CAST: At most `MAX_RULES`.
                let free = gap.map_or(rules.len() as u32, |(_, place)| place);
                (free < MAX_RULES).then_some(free).ok_or_else(full)
            }
            Location::First => match ends {
                None => Ok(MAX_RULES - 1),
                Some((first, _)) => first.checked_sub(1).ok_or_else(full),
            },
            Location::Last => match ends {
                None => Ok(0),
                Some((_, last)) if last < MAX_RULES - 1 => Ok(last + 1),
                Some(_) => Err(full()),
            },
        }
    }
}

impl Rss for Port {
    const MAX_INDIRECTION: u32 = MAX_INDIRECTION;
    // CAST: A small number.
    const KEY_LEN: u16 = KEY_SIZE as u16;

    fn indirection_size(&self) -> u32 {
        // CAST: At most `MAX_INDIRECTION`.
        self.chosen.lock().main.table.len() as u32
    }

    fn rss(&self, tables: RssTables<'_>, _rtnl: &Rtnl<'_>) -> Symmetry {
        self.chosen.lock().main.tell(tables)
    }

    fn set_rss(&self, change: &RssChange<'_>, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result {
        let mut chosen = self.chosen.lock();
        let new = chosen.main.changed(change)?;
        self.check_rules(MAIN_CONTEXT, &new, &chosen, extack)?;
        self.configure(MAIN_CONTEXT, new, &mut chosen, extack, rtnl)
    }

    fn hash_fields(&self, flow: HashedFlow, context: u32, _rtnl: &Rtnl<'_>) -> Result<HashFields> {
        let chosen = self.chosen.lock();
        let fields = &chosen.configuration(context)?.fields;
        let types = flow_types(flow);
        if types.is_empty() {
            return Err(not_supported());
        }
        let of_types = types.iter().map(|flow| fields.get(*flow));
        // Where the types that users mean by one word differ, what they have in common.
        let common = of_types.reduce(|one, other| one.without(one.without(other)));
        let common = common.unwrap_or_default();
        let told = FIELDS.iter().filter(|(_, field)| common.meets(*field));
        Ok(told.fold(HashFields::NONE, |all, (told, _)| all.with(*told)))
    }

    fn set_hash_fields(
        &self,
        flow: HashedFlow,
        context: u32,
        fields: HashFields,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let known = FIELDS.iter().filter(|(told, _)| fields.contains(*told));
        let wanted = known.fold(Fields::NONE, |all, (_, field)| all.with(*field));
        let all = FIELDS
            .iter()
            .fold(HashFields::NONE, |all, (told, _)| all.with(*told));
        let types = flow_types(flow);
        if types.is_empty() {
            let what = "GTP is UDP to this device: choose the fields of udp4 or udp6";
            self.refuse_fields(what, extack, rtnl);
            return Err(not_supported());
        }
        let can = |flow: &FlowType| wanted.without(Fields::of(*flow)).is_empty();
        if !fields.without(all).is_empty() || !types.iter().all(can) {
            let what =
                "a field that frames of this type do not have, or that this device does not hash";
            self.refuse_fields(what, extack, rtnl);
            return Err(EINVAL);
        }
        let mut chosen = self.chosen.lock();
        let mut new = chosen.configuration(context)?.try_clone()?;
        new.hash(types, wanted);
        self.configure(context, new, &mut chosen, extack, rtnl)
    }
}

impl RssContexts for Port {
    const MAX_CONTEXTS: u32 = MAX_CONTEXTS;

    /// All that the user does not choose is that of the main configuration, but for the table, which
    /// spreads evenly.
    fn create_context(
        &self,
        context: u32,
        change: &RssChange<'_>,
        tables: RssTables<'_>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result<Symmetry> {
        let mut chosen = self.chosen.lock();
        let mut new = chosen.main.try_clone()?;
        // CAST: At most `MAX_INDIRECTION`.
        let len = new.table.len() as u32;
        new.table = Configuration::even_table(len, self.device.queues_in_use())?;
        let new = new.changed(change)?;
        let place = chosen.place(context).err().ok_or(EBUSY)?;
        let symmetry = new.tell(tables);
        chosen.contexts.reserve(1, GFP_KERNEL)?;
        chosen
            .contexts
            .insert_within_capacity(place, (context, new))
            .map_err(|_| ENOMEM)?;
        let steered = self.steer(&chosen.main, chosen.others(), &chosen.rules, &chosen.raw);
        steered.map(|()| symmetry).map_err(|refusal| {
            let _ = chosen.contexts.remove(place);
            self.refused(&refusal, Some(extack), rtnl)
        })
    }

    fn modify_context(
        &self,
        context: u32,
        change: &RssChange<'_>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let mut chosen = self.chosen.lock();
        let new = chosen.configuration(context)?.changed(change)?;
        self.check_rules(context, &new, &chosen, extack)?;
        self.configure(context, new, &mut chosen, extack, rtnl)
    }

    fn remove_context(&self, context: u32, extack: &Extack<'_>, rtnl: &Rtnl<'_>) -> Result {
        let mut chosen = self.chosen.lock();
        let Ok(place) = chosen.place(context) else {
            return Ok(());
        };
        // The core knows of rules, but not of raw tables. If the interface goes, all goes.
        let named = raw::naming(&chosen.raw, context);
        if let Some((table, priority)) = named.filter(|_| self.device.is_registered(rtnl)) {
            self.tell(
                fmt!("context {context}: table {table}: entry {priority} gives it frames"),
                extack,
                rtnl,
            );
            return Err(EBUSY);
        }
        let _ = chosen.contexts.remove(place);
        // No rule names it. Without memory the device keeps it for nothing until the next change.
        let _ = self.steer(&chosen.main, chosen.others(), &chosen.rules, &chosen.raw);
        Ok(())
    }
}

impl FlowRules for Port {
    const ADDS_QUEUES: bool = true;

    fn rule_slots(&self, _rtnl: &Rtnl<'_>) -> u32 {
        MAX_RULES
    }

    fn visit_rules(&self, visit: &mut dyn FnMut(u32), _rtnl: &Rtnl<'_>) {
        for (location, _) in self.chosen.lock().rules.iter() {
            visit(*location);
        }
    }

    fn rule(&self, location: u32, _rtnl: &Rtnl<'_>) -> Result<FlowRule> {
        let chosen = self.chosen.lock();
        let found = chosen
            .place_of_rule(location)
            .ok()
            .and_then(|place| chosen.rules.get(place));
        found.map(|(_, rule)| *rule).ok_or(ENOENT)
    }

    fn insert_rule(&self, rule: &FlowRule, rtnl: &Rtnl<'_>) -> Result<u32> {
        let mut chosen = self.chosen.lock();
        let location = self.location(rule, &chosen.rules, rtnl)?;
        let context = rule
            .context
            .map(|id| chosen.configuration(id))
            .transpose()?;
        let table = context.map(|context| &*context.table);
        let checked = rule::check(rule, table, self.device.queues_in_use());
        if let Err(refusal) = checked {
            self.refuse_rule(fmt!("{refusal}"), rtnl);
            return Err(refusal.errno());
        }
        if let Some(raw) = user::RawRule::of(rule).unwrap_or_default() {
            raw.check(&chosen.raw, location).map_err(|refusal| {
                self.refuse_rule(fmt!("{refusal}"), rtnl);
                EINVAL
            })?;
        }
        let rule = FlowRule {
            location: Location::At(location),
            ..*rule
        };
        let place = chosen.place_of_rule(location);
        let mut rules = KVVec::with_capacity(chosen.rules.len().saturating_add(1), GFP_KERNEL)?;
        rules.extend_from_slice(&chosen.rules, GFP_KERNEL)?;
        match place {
            Ok(place) => {
                if let Some(old) = rules.get_mut(place) {
                    *old = (location, rule);
                }
            }
            Err(place) => rules
                .insert_within_capacity(place, (location, rule))
                .map_err(|_| ENOMEM)?,
        }
        self.rule(rules, &mut chosen, rtnl)?;
        Ok(location)
    }

    fn remove_rule(&self, location: u32, rtnl: &Rtnl<'_>) -> Result {
        let mut chosen = self.chosen.lock();
        let mut rules = KVVec::with_capacity(chosen.rules.len(), GFP_KERNEL)?;
        for rule in chosen.rules.iter().filter(|(place, _)| *place != location) {
            rules.push(*rule, GFP_KERNEL)?;
        }
        if rules.len() == chosen.rules.len() {
            return Err(ENOENT);
        }
        self.rule(rules, &mut chosen, rtnl)
    }
}
