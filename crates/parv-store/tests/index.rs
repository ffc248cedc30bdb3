//! The index of commits: rows come back as they were put in, and never otherwise.

mod common;

use common::temp;
use parv_model::CommitId;
use parv_store::index::{Place, REST_BYTES};
use parv_store::{Index, IndexRow, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// So many rows, from a simple generator.
fn rows(count: usize, mut seed: u64) -> Vec<IndexRow> {
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 32) as u8
    };
    let row = |number: usize| {
        let mut id: [u8; 20] = std::array::from_fn(|_| next());
        if number.is_multiple_of(9) {
            // Ids can be made up.
            id[..8].fill(7);
        }
        let place = ((number / 3) as u64, i64::from(next()), CommitId::from_bytes(id));
        IndexRow { place, listed: next() % 4 > 0, rest: std::array::from_fn(|_| next()) }
    };
    (0..count).map(row).collect()
}

/// An index of these rows, added in shares of these sizes, one after the other.
fn indexed(folder: &Path, rows: &[IndexRow], shares: &[usize]) -> Index {
    let mut index = Index::empty(folder);
    let mut rest = rows;
    for (number, share) in shares.iter().cycle().enumerate() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*share).min(rest.len()));
        index = index.extended(now, format!("summary {number}").as_bytes()).unwrap();
        rest = later;
    }
    index
}

/// All that an index says of these rows and of one that it does not have.
fn answers(index: &Index, rows: &[IndexRow]) -> Result<Vec<String>, StoreError> {
    let mut all = vec![format!("{} {}", index.rows(), index.listed())];
    for (position, row) in (0..).zip(rows) {
        all.push(format!("{:?} {:?}", index.row(position)?, index.position(&row.place.2)?));
    }
    for id in [[0; 20], [7; 20], [255; 20]] {
        all.push(format!("{:?}", index.position(&CommitId::from_bytes(id))?));
    }
    for end in rows.iter().step_by(rows.len().div_ceil(5)).map(|row| Some(&row.place)).chain([None]) {
        let newest = index.newest(end)?.collect::<Result<Vec<IndexRow>, _>>()?;
        all.push(format!("{newest:?}"));
    }
    Ok(all)
}

#[test]
fn rows_come_back_by_position_by_id_and_in_order_however_they_came_in() {
    let rows = rows(2000, 1);
    let by_id: BTreeMap<CommitId, u32> = rows.iter().map(|row| row.place.2).zip(0..).collect();
    let mut in_order: Vec<&IndexRow> = rows.iter().filter(|row| row.listed).collect();
    in_order.sort_by_key(|row| row.place);
    for shares in [&[2000][..], &[100], &[1, 7, 300], &[700, 1, 1]] {
        let folder = temp();
        let index = indexed(folder.path(), &rows, shares);
        let (opened, summary) = Index::open(folder.path()).unwrap().unwrap();
        assert!(summary.starts_with(b"summary "));
        assert_eq!(answers(&opened, &rows).unwrap(), answers(&index, &rows).unwrap());
        assert_eq!((index.rows() as usize, index.listed() as usize), (rows.len(), in_order.len()));
        for (position, row) in (0..).zip(&rows) {
            assert_eq!(index.row(position).unwrap(), *row);
            assert_eq!(index.position(&row.place.2).unwrap(), by_id.get(&row.place.2).copied());
        }
        for end in [0, 1, 777, in_order.len() - 1] {
            let end: &Place = &in_order[end].place;
            let newest = index.newest(Some(end)).unwrap().map(Result::unwrap);
            assert!(newest.eq(in_order.iter().rev().filter(|row| row.place < *end).map(|row| (*row).clone())));
        }
        let files = fs::read_dir(folder.path().join("parv-index")).unwrap().count();
        assert!(files < 2 + 13, "{files} files for {} rows", rows.len());
    }
}

#[test]
fn an_index_that_is_open_can_be_read_when_its_layers_are_gone() {
    let folder = temp();
    let rows = rows(300, 2);
    let old = indexed(folder.path(), &rows[..200], &[60]);
    let before = answers(&old, &rows[..200]).unwrap();
    old.extended(&rows[200..], b"").unwrap();
    assert_eq!(answers(&old, &rows[..200]).unwrap(), before);
    Index::remove(folder.path()).unwrap();
    assert!(Index::open(folder.path()).unwrap().is_none());
    assert_eq!(answers(&old, &rows[..200]).unwrap(), before);
}

#[test]
fn only_the_index_that_lies_there_can_be_extended() {
    let folder = temp();
    let rows = rows(30, 3);
    let one = indexed(folder.path(), &rows[..10], &[10]);
    let other = one.extended(&rows[10..20], b"the other's").unwrap();
    let refused = one.extended(&rows[20..], b"").unwrap_err();
    assert!(refused.to_string().contains("somebody else"), "{refused}");
    let (_, summary) = Index::open(folder.path()).unwrap().unwrap();
    assert_eq!(summary, b"the other's");
    assert_eq!(other.rows(), 20);
}

#[test]
fn whatever_a_crash_leaves_behind_is_ignored_and_swept_away() {
    let folder = temp();
    let rows = rows(40, 4);
    let index = indexed(folder.path(), &rows[..20], &[20]);
    let place = folder.path().join("parv-index");
    let before = answers(&index, &rows[..20]).unwrap();
    // A layer that was written and never named, half of one, and an unfinished list.
    fs::copy(place.join("0"), place.join("1")).unwrap();
    fs::write(place.join("2"), [0; 5000]).unwrap();
    fs::write(place.join(".tmpAbCdEf"), b"parv-index 1\n").unwrap();
    let (opened, _) = Index::open(folder.path()).unwrap().unwrap();
    assert_eq!(answers(&opened, &rows[..20]).unwrap(), before);
    opened.extended(&rows[20..], b"").unwrap();
    assert_eq!(fs::read_dir(&place).unwrap().count(), 3, "a layer, the list, the lock");
    assert_eq!(Index::open(folder.path()).unwrap().unwrap().0.rows(), 40);
}

#[test]
fn damage_anywhere_is_noticed_where_it_matters() {
    let folder = temp();
    let rows = rows(600, 5);
    let index = indexed(folder.path(), &rows, &[500, 100]);
    let right = answers(&index, &rows).unwrap();
    let layers: Vec<_> =
        fs::read_dir(folder.path().join("parv-index")).unwrap().map(|file| file.unwrap().path()).collect();
    let read = || match Index::open(folder.path())? {
        Some((index, summary)) => Ok::<_, StoreError>(Some((answers(&index, &rows)?, summary))),
        None => Ok(None),
    };
    let summary = b"summary 1".to_vec();
    let mut noticed = 0;
    for file in layers.iter().filter(|file| !file.ends_with("lock")) {
        let bytes = fs::read(file).unwrap();
        for at in (0..bytes.len()).step_by(911).chain([bytes.len() - 1]) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            fs::write(file, &damaged).unwrap();
            assert!(read().is_err(), "byte {at} of {}", file.display());
            fs::write(file, &bytes[..at]).unwrap();
            assert!(read().is_err(), "{} cut at {at}", file.display());
            noticed += 2;
        }
        // A page at another page's place has a good checksum, but not for there.
        if bytes.len() > 2 * 4096 {
            let swapped = [&bytes[4096..8192], &bytes[..4096], &bytes[8192..]].concat();
            fs::write(file, swapped).unwrap();
            assert!(read().is_err());
        }
        fs::remove_file(file).unwrap();
        assert!(!matches!(read(), Ok(Some(_))), "{} is gone", file.display());
        fs::write(file, &bytes).unwrap();
        assert_eq!(read().unwrap(), Some((right.clone(), summary.clone())));
    }
    assert!(noticed > 100);
    let list = folder.path().join("parv-index/list");
    let bytes = fs::read(&list).unwrap();
    let other = [b"parv-index 2\n", &bytes[13..]].concat();
    fs::write(&list, other).unwrap();
    assert!(read().is_err(), "of another version");
}

#[test]
fn a_row_has_room_for_what_is_kept() {
    let rest = [3; REST_BYTES];
    let row = IndexRow { place: (u64::from(u32::MAX), i64::MIN, CommitId::from_bytes([9; 20])), listed: true, rest };
    let folder = temp();
    let index = Index::empty(folder.path()).extended(std::slice::from_ref(&row), b"").unwrap();
    assert_eq!(index.row(0).unwrap(), row);
    let high = IndexRow { place: (u64::from(u32::MAX) + 1, 0, CommitId::from_bytes([8; 20])), ..row };
    assert!(index.extended(&[high], b"").is_err());
}
