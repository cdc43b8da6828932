//! What callers are told, whatever the writer does.

use std::{thread, time::Duration};

use isobase_writer::{
    Asked, Bounds, GroupBounds, Job, Jobs, NotDone, Patience, Pauses, Queue, Reply, Size, Taken,
};
use tokio::time::Instant;

/// Doubles a number.
#[derive(Debug)]
struct Double(u32);

impl Job for Double {
    type Reply = u32;
}

type Failure = &'static str;
type Work = Asked<Double, Failure>;

const BOUNDS: Bounds = Bounds { places: 4, place_bytes: 10 };

fn queue() -> (Queue<Work>, Jobs<Work>) {
    Queue::new("a database", BOUNDS)
}

fn patience() -> Patience {
    let now = Instant::now();
    Patience::until(now + Duration::from_secs(1), now + Duration::from_secs(3))
}

async fn ask(queue: &Queue<Work>, number: u32) -> Result<Result<u32, Failure>, NotDone> {
    queue.ask(Double(number), Size::default(), patience()).await
}

fn size(bytes: usize) -> Size {
    Size { bytes, operations: 1 }
}

fn double(asked: Work) {
    let doubled = asked.job.0.checked_mul(2).ok_or("too large");
    asked.answer(doubled);
}

#[tokio::test(start_paused = true)]
async fn answers_reach_who_asked() {
    let (queue, mut jobs) = queue();
    let task = tokio::spawn(async move {
        while jobs.wait().await {
            while let Some((taken, _place)) = jobs.take_next() {
                double(taken.work);
            }
        }
    });
    assert_eq!(ask(&queue, 7).await, Ok(Ok(14)));
    assert_eq!(ask(&queue, u32::MAX).await, Ok(Err("too large")));
    assert_eq!(queue.places_used(), 0);
    queue.close();
    queue.ended().await;
    task.await.unwrap();
    assert_eq!(ask(&queue, 7).await, Err(NotDone::Closed));
}

#[test]
fn threads_need_no_runtime() {
    let (queue, mut jobs) = queue();
    let writer = thread::spawn(move || {
        let mut groups = Vec::new();
        while jobs.wait_blocking() {
            let mut group = Vec::new();
            let bounds = GroupBounds { jobs: 9, operations: 9, bytes: 9 };
            jobs.take_group(bounds, |_| true, &mut group);
            groups.push(group.len());
            group.into_iter().for_each(|taken| double(taken.work));
        }
        groups
    });
    let patience = Patience::for_place(Duration::from_secs(20));
    let work = |reply| Asked { job: Double(4), reply };
    let receipt = queue.enqueue_blocking(size(1), patience, work).unwrap();
    assert_eq!(receipt.answer_blocking(), Ok(Ok(8)));
    queue.close();
    assert_eq!(writer.join().unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn job_that_was_given_up_is_not_done() {
    let (queue, mut jobs) = queue();
    assert_eq!(ask(&queue, 1).await, Err(NotDone::GivenUp("a database")));
    assert!(jobs.take_next().is_none());
    assert_eq!(queue.places_used(), 0);
    assert!(!NotDone::GivenUp("a database").may_be_done());
}

#[tokio::test(start_paused = true)]
async fn job_that_was_taken_and_not_answered_has_an_unknown_outcome() {
    let (queue, mut jobs) = queue();
    let taking = async {
        assert!(jobs.wait().await);
        let taken = jobs.take_next();
        tokio::time::sleep(Duration::from_secs(10)).await;
        taken
    };
    let (answer, _) = tokio::join!(ask(&queue, 1), taking);
    assert_eq!(answer, Err(NotDone::Unanswered("a database")));
    // The writer ended with it.
    let ending = async {
        assert!(jobs.wait().await);
        drop(jobs.take_next());
    };
    let (answer, ()) = tokio::join!(ask(&queue, 1), ending);
    assert_eq!(answer, Err(NotDone::Lost));
    assert!(NotDone::Lost.may_be_done());
}

#[tokio::test(start_paused = true)]
async fn full_queue_takes_nothing_until_there_is_room() {
    let (queue, mut jobs) = queue();
    let large = queue.ask(Double(1), size(1_000), patience());
    let waiting = async {
        tokio::task::yield_now().await;
        assert_eq!(queue.places_used(), BOUNDS.places);
        assert_eq!(ask(&queue, 1).await, Err(NotDone::Full("a database")));
    };
    let (answer, ()) = tokio::join!(large, waiting);
    assert_eq!(answer, Err(NotDone::GivenUp("a database")));
    assert!(jobs.take_next().is_none());
    assert_eq!(queue.places_used(), 0);
}

#[tokio::test(start_paused = true)]
async fn groups_end_at_their_bounds_and_before_who_travels_alone() {
    let (queue, mut jobs) = queue();
    let queue_up = async |number, bytes| {
        let work = |reply: Reply<Result<u32, Failure>>| Asked { job: Double(number), reply };
        queue.enqueue(size(bytes), Patience::for_place(Duration::ZERO), work).await.unwrap()
    };
    let mut receipts = Vec::new();
    // The tenth travels alone, the eleventh is larger than a group.
    for (number, bytes) in [(1, 4), (2, 4), (3, 4), (10, 0)] {
        receipts.push(queue_up(number, bytes).await);
    }
    let bounds = GroupBounds { jobs: 9, operations: 9, bytes: 8 };
    let take = |jobs: &mut Jobs<Work>| {
        let mut group: Vec<Taken<Work>> = Vec::new();
        jobs.take_group(bounds, |work| work.job.0 != 10, &mut group);
        group.into_iter().map(|taken| taken.work.job.0).collect::<Vec<_>>()
    };
    assert_eq!(take(&mut jobs), [1, 2]);
    assert_eq!(take(&mut jobs), [3]);
    assert_eq!(take(&mut jobs), [10]);
    receipts.push(queue_up(11, 40).await);
    assert_eq!(take(&mut jobs), [11], "the first is taken however large it is");
    assert_eq!(take(&mut jobs), [] as [u32; 0]);
}

#[tokio::test(start_paused = true)]
async fn writer_that_fails_refuses_what_waits() {
    let (queue, mut jobs) = queue();
    let failing = async {
        assert!(jobs.wait().await);
        for work in jobs.close() {
            work.answer(Err("the disk failed"));
        }
        assert!(!jobs.wait().await);
    };
    let (answer, ()) = tokio::join!(ask(&queue, 1), failing);
    assert_eq!(answer, Ok(Err("the disk failed")));
    assert!(queue.is_closed());
    assert_eq!(ask(&queue, 1).await, Err(NotDone::Closed));
}

#[tokio::test(start_paused = true)]
async fn queue_whose_writer_is_gone_takes_nothing() {
    let (queue, jobs) = queue();
    drop(jobs);
    assert!(queue.is_closed());
    assert_eq!(ask(&queue, 1).await, Err(NotDone::Closed));
}

/// How long the writer waits, after a group of so many jobs, with so many in the queue.
async fn gathers(answered: usize, took: Duration, queued: u32) -> Duration {
    let (queue, mut jobs) = queue();
    jobs.answered(answered, took);
    for number in 0..queued {
        let work = |reply| Asked { job: Double(number), reply };
        queue.enqueue(size(0), Patience::for_place(Duration::ZERO), work).await.unwrap();
    }
    let begun = Instant::now();
    jobs.gather(0).await;
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn those_who_were_answered_are_waited_for() {
    let took = Duration::from_millis(20);
    // A quarter of it, if they do not come.
    assert_eq!(gathers(4, took, 3).await.as_millis(), 5);
    assert_eq!(gathers(4, took, 4).await, Duration::ZERO, "all are there");
    assert_eq!(gathers(4, Duration::from_secs(1), 1).await.as_millis(), 10, "the most");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_where_it_does_not_pay() {
    assert_eq!(gathers(4, Duration::from_millis(3), 1).await, Duration::ZERO, "a short group");
    assert_eq!(gathers(1, Duration::from_secs(1), 0).await, Duration::ZERO, "a single caller");
}

#[tokio::test(start_paused = true)]
async fn job_that_is_not_wanted_stays_the_next() {
    let (queue, mut jobs) = queue();
    let mut receipts = Vec::new();
    for number in [1, 2] {
        let work = |reply: Reply<Result<u32, Failure>>| Asked { job: Double(number), reply };
        let patience = Patience::for_place(Duration::ZERO);
        receipts.push(queue.enqueue(size(0), patience, work).await.unwrap());
    }
    assert!(jobs.take_next_if(|work| work.job.0 == 2).is_none());
    let (taken, _place) = jobs.take_next().unwrap();
    assert_eq!(taken.work.job.0, 1);
    assert!(jobs.take_next_if(|work| work.job.0 == 2).is_some());
}

#[tokio::test(start_paused = true)]
async fn closed_queue_ends_the_gathering() {
    let (queue, mut jobs) = queue();
    let until = Instant::now() + Duration::from_secs(5);
    assert!(jobs.gather_until(until).await, "the time passed");
    queue.close();
    assert!(!jobs.gather_until(until + Duration::from_secs(5)).await);
}

#[test]
fn pauses_grow_up_to_the_longest() {
    let mut pauses = Pauses::new(Duration::from_millis(10), Duration::from_millis(35));
    for whole in [10, 20, 35, 35] {
        let pause = pauses.next_pause();
        let whole = Duration::from_millis(whole);
        assert!(pause >= whole / 4 && pause <= whole, "{pause:?} of {whole:?}");
    }
    pauses.restart();
    assert!(pauses.next_pause() <= Duration::from_millis(10));
}
