//! The story of a small conversation: everybody hears everything, whoever dies, joins or is cut off meanwhile.

use parv_bench_drt::{Crowd, JUDGING};

const MEMBERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn every_text_reaches_everybody_whatever_happens() {
    let mut crowd = Crowd::new(JUDGING);
    crowd.grow(MEMBERS).await.unwrap();
    crowd.talk(3).await.unwrap();
    let died = crowd.halve(4).await.unwrap();
    assert_eq!((died.members, crowd.len()), (MEMBERS / 2, MEMBERS / 2));
    crowd.join(MEMBERS / 2, 4).await.unwrap();
    crowd.part_and_heal(3).await.unwrap();
    // What the healing brings along is still on its way, and meshes mend with gossip's next beats: then each announcement
    // comes about two times.
    for round in 0.. {
        let figures = crowd.talk(8).await.unwrap();
        assert_eq!((figures.members, figures.texts), (MEMBERS, 8));
        // Everybody but the author heard each text, over at least one link.
        let hops = figures.hops.counts();
        assert_eq!((hops[0], hops.iter().sum::<usize>()), (0, 8 * (MEMBERS - 1)));
        if figures.deliveries <= 2.2 {
            break;
        }
        assert!(round < 50, "{} deliveries", figures.deliveries);
    }
    crowd.end().await;
}
