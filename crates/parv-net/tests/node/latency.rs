use crate::bench::{connect, open_conversation, peer};
use parv_net::{Acceptance, Event, Topic};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The network's part in the way of a message: an announcement, then a fetch from who made it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures time: run it alone"]
async fn an_announcement_and_a_fetch_take_milliseconds() {
    let (mut a, mut b) = (peer().await, peer().await);
    let topic = Topic::of(&open_conversation());
    a.node.subscribe(topic).await.unwrap();
    b.node.subscribe(topic).await.unwrap();
    connect(&mut a, &mut b).await;
    a.wait(|event| matches!(event, Event::Subscribed { .. }).then_some(())).await;
    let (author, conversation) = (a.device(), open_conversation());
    let mut times = Vec::new();
    let serve = tokio::spawn({
        let node = a.node.clone();
        let mut events = a.events;
        async move {
            let _node = node;
            while let Some(event) = events.recv().await {
                if let Event::GitRequest { mut stream, .. } = event {
                    let mut buffer = [0; 64];
                    stream.read_exact(&mut buffer).await.unwrap();
                    stream.write_all(&buffer).await.unwrap();
                    stream.shutdown().await.unwrap();
                }
            }
        }
    });
    for _ in 0..200 {
        let begin = Instant::now();
        a.node.publish(topic, vec![0; 200]).await.unwrap();
        let handle = b
            .wait(|event| match event {
                Event::Announcement { handle, .. } => Some(handle),
                _ => None,
            })
            .await;
        b.node.judge(handle, Acceptance::Accept).await.unwrap();
        let mut stream = b.node.open_git(author, &conversation).await.unwrap();
        stream.write_all(&[1; 64]).await.unwrap();
        stream.flush().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        times.push(begin.elapsed());
    }
    times.sort();
    println!("median {:?}, worst {:?}", times[times.len() / 2], times[times.len() - 1]);
    assert!(times[times.len() / 2] < Duration::from_millis(10));
    serve.abort();
}
