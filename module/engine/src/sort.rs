// SPDX-License-Identifier: GPL-2.0

//! Sorting in place, without memory. `core`'s own panics where an order contradicts itself.

/// Sorts `items` so that none comes before another that `is_less` than it. The order of equal ones may
/// change. Takes time in proportion to n log n, whatever the items are (a heap sort).
pub(crate) fn sort<T: Copy>(items: &mut [T], is_less: impl Fn(&T, &T) -> bool) {
    let len = items.len();
    for root in (0..len / 2).rev() {
        sift_down(items, root, &is_less);
    }
    for end in (1..len).rev() {
        exchange(items, 0, end);
        if let Some(heap) = items.get_mut(..end) {
            sift_down(heap, 0, &is_less);
        }
    }
}

/// Makes the heap below `root` one again, whose root alone may be out of order.
fn sift_down<T: Copy>(heap: &mut [T], mut root: usize, is_less: &impl Fn(&T, &T) -> bool) {
    loop {
        let left = root.wrapping_mul(2).wrapping_add(1);
        let right = left.wrapping_add(1);
        let Some(mut greater) = heap.get(left) else {
            return;
        };
        let mut child = left;
        if let Some(other) = heap.get(right).filter(|other| is_less(greater, other)) {
            greater = other;
            child = right;
        }
        if !heap.get(root).is_some_and(|item| is_less(item, greater)) {
            return;
        }
        exchange(heap, root, child);
        root = child;
    }
}

fn exchange<T: Copy>(items: &mut [T], a: usize, b: usize) {
    if let (Some(&x), Some(&y)) = (items.get(a), items.get(b)) {
        for (index, item) in [(a, y), (b, x)] {
            if let Some(to) = items.get_mut(index) {
                *to = item;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sort;
    use std::vec::Vec;

    #[test]
    fn it_sorts() {
        for len in 0..70_u64 {
            let mut items: Vec<_> = (0..len).map(|i| i.wrapping_mul(0x9e37_79b9) % 41).collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            sort(&mut items, |a, b| a < b);
            assert_eq!(items, expected);
            sort(&mut items, |a, b| a > b);
            expected.reverse();
            assert_eq!(items, expected);
        }
    }
}
