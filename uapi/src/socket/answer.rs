// SPDX-License-Identifier: GPL-2.0

//! The end of an answer: it went well, or the kernel refuses and says why.

use netlink_packet_core::{NetlinkBuffer, NLM_F_ACK_TLVS, NLM_F_CAPPED};

use super::message::{HEADER, NLMSG_DONE};
use crate::attributes::Attributes;
use crate::error::{DecodeError, Refusal};

/// `NLMSGERR_ATTR_MSG`: text.
const ATTR_MSG: u16 = 1;
/// `NLMSGERR_ATTR_MISS_TYPE`: the number of an attribute that was missing.
const ATTR_MISS_TYPE: u16 = 5;

/// The refusal in a message of type `NLMSG_ERROR` or `NLMSG_DONE`, if it is one. `names` are those of
/// the attributes that were asked with.
pub(super) fn refusal(
    part: &NetlinkBuffer<&[u8]>,
    names: fn(u16) -> Option<&'static str>,
) -> Result<Option<Refusal>, DecodeError> {
    let payload = part.payload();
    let short = || DecodeError::Short(payload.len());
    let (code, rest) = match payload {
        [a, b, c, d, rest @ ..] => (i32::from_ne_bytes([*a, *b, *c, *d]), rest),
        // A dump that ended well need not say so.
        _ if part.message_type() == NLMSG_DONE => return Ok(None),
        _ => return Err(short()),
    };
    let Some(errno) = code.checked_neg().filter(|errno| *errno > 0) else {
        return Ok(None);
    };
    let mut refusal = Refusal {
        errno,
        message: None,
        missing: None,
    };
    if part.flags() & NLM_F_ACK_TLVS != 0 {
        // The request stands before them: its header, and all of it unless it was capped.
        let request = if part.message_type() == NLMSG_DONE {
            0
        } else if part.flags() & NLM_F_CAPPED != 0 {
            HEADER
        } else {
            let request = NetlinkBuffer::new_checked(rest).map_err(|_| short())?;
            let length = usize::try_from(request.length()).unwrap_or(usize::MAX);
            length.checked_next_multiple_of(4).ok_or_else(short)?
        };
        let told = rest.get(request..).ok_or_else(short)?;
        let told = Attributes::parse("extack", |_| None, told)?;
        refusal.message = told.string(ATTR_MSG)?;
        refusal.missing = told.u32(ATTR_MISS_TYPE)?.map(|number| {
            let name = u16::try_from(number).ok().and_then(names);
            name.map_or_else(|| format!("#{number}"), str::to_owned)
        });
    }
    Ok(Some(refusal))
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::{DefaultNla, Emitable};

    use super::*;
    use crate::netlink::dev;
    use crate::socket::message::NLMSG_ERROR;
    use crate::socket::Request;

    /// A message of that type, with those flags.
    fn part(kind: u16, flags: u16, payload: &[&[u8]]) -> Vec<u8> {
        let payload = payload.concat();
        let mut bytes = vec![0; HEADER + payload.len()];
        bytes[HEADER..].copy_from_slice(&payload);
        let length = u32::try_from(bytes.len()).unwrap();
        let mut header = NetlinkBuffer::new(bytes.as_mut_slice());
        header.set_length(length);
        header.set_message_type(kind);
        header.set_flags(flags);
        bytes
    }

    fn parsed(bytes: &[u8]) -> Result<Option<Refusal>, DecodeError> {
        refusal(&NetlinkBuffer::new_checked(bytes).unwrap(), dev::name)
    }

    fn told() -> Vec<u8> {
        let all = [
            DefaultNla::new(ATTR_MSG, b"no such thing\0".to_vec()),
            DefaultNla::new(
                ATTR_MISS_TYPE,
                u32::from(dev::POLICY).to_ne_bytes().to_vec(),
            ),
        ];
        let mut bytes = vec![0; all.as_slice().buffer_len()];
        all.as_slice().emit(&mut bytes);
        bytes
    }

    #[test]
    fn what_went_well_is_no_refusal() {
        assert_eq!(
            parsed(&part(NLMSG_ERROR, 0, &[&[0; 4], &[0; 16]])),
            Ok(None)
        );
        assert_eq!(parsed(&part(NLMSG_DONE, 0, &[&[0; 4]])), Ok(None));
        assert_eq!(parsed(&part(NLMSG_DONE, 0, &[])), Ok(None));
        assert!(parsed(&part(NLMSG_ERROR, 0, &[])).is_err());
    }

    #[test]
    fn the_kernels_words_are_found_behind_the_request() {
        let code = (-22i32).to_ne_bytes();
        let request = Request::one(2, 1).u32(1, 3).encoded(0x20, 1);
        let expected = Ok(Some(Refusal {
            errno: 22,
            message: Some("no such thing".to_owned()),
            missing: Some("policy".to_owned()),
        }));
        let full = part(NLMSG_ERROR, NLM_F_ACK_TLVS, &[&code, &request, &told()]);
        assert_eq!(parsed(&full), expected);
        let flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
        let capped = part(NLMSG_ERROR, flags, &[&code, &request[..HEADER], &told()]);
        assert_eq!(parsed(&capped), expected);
        assert_eq!(
            parsed(&part(NLMSG_DONE, NLM_F_ACK_TLVS, &[&code, &told()])),
            expected
        );
        let silent = parsed(&part(NLMSG_ERROR, 0, &[&code, &request]))
            .unwrap()
            .unwrap();
        assert_eq!((silent.errno, silent.message), (22, None));
        assert!(parsed(&part(NLMSG_ERROR, NLM_F_ACK_TLVS, &[&code, &[9; 16]])).is_err());
    }
}
