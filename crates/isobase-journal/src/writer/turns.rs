//! Turns of the processes that commit to one head.
//!
//! Of two commits that are made for one head one is in vain. Processes that write at the same time
//! therefore take turns, in the order of the numbers that they sign with: each commits when it
//! sees the commit of the one before it. It is a habit and nothing more. A caller that does not come
//! when it is its turn is passed over after a moment, and of commits out of turn still one wins.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::Head;

/// How long a process that does not commit any more is expected to.
const EXPECTED_FOR: Duration = Duration::from_secs(2);
/// What a question and a commit take as long as none was measured.
const TIME_GUESS: Duration = Duration::from_millis(10);
/// What is added to the time of a turn, for a process that was busy.
const TURN_GRACE: Duration = Duration::from_millis(5);
/// Once in so long a process waits when it is its turn, and lets one come in between that it has
/// never seen: such a one is too late each time otherwise. The time grows while no one comes.
const OFFER_FIRST: Duration = Duration::from_millis(250);
const OFFER_MAX: Duration = Duration::from_secs(2);
/// Whose turn it is, as far as this process can tell.
#[derive(Debug)]
pub(super) struct Turns {
    /// The number that this process signs with.
    own: u64,
    /// When other processes' commits were seen last.
    others: HashMap<u64, Instant>,
    /// The author of the last head that was seen, its number, and when it was seen first.
    last: Option<(u64, u64, Instant)>,
    /// What a question for the head takes, and a commit, lately.
    look: Duration,
    commit: Duration,
    /// When others were let in between last, and how long until the next time.
    offered: Instant,
    offer_every: Duration,
}

impl Turns {
    pub(super) fn new(own: u64) -> Self {
        Self {
            own,
            others: HashMap::new(),
            last: None,
            look: TIME_GUESS,
            commit: TIME_GUESS,
            offered: Instant::now(),
            offer_every: OFFER_FIRST,
        }
    }

    /// A head was read or written.
    pub(super) fn saw(&mut self, head: &Head) {
        let (now, author) = (Instant::now(), head.author.unwrap_or_default());
        if self.last.is_none_or(|(_, commit, _)| commit < head.commit) {
            self.others.retain(|_, seen| now.duration_since(*seen) < EXPECTED_FOR);
            // What the database held when it was opened says nothing of who writes now.
            if author != self.own
                && self.last.is_some()
                && self.others.insert(author, now).is_none()
            {
                (self.offered, self.offer_every) = (now, OFFER_FIRST);
            }
            self.last = Some((author, head.commit, now));
        }
    }

    /// A commit of this process was carried out, which took so long. Those who did not come before
    /// it are not waited for again until they are seen.
    pub(super) fn committed(&mut self, head: &Head, took: Duration) {
        self.commit = (self.commit * 3 + took) / 4;
        let passed = self.before_us();
        self.others.retain(|author, _| !passed.contains(author));
        self.saw(head);
    }

    /// What a turn takes, of a process that is as far from the database as we are.
    fn turn(&self) -> Duration {
        (self.look + self.commit) * 3 / 2 + TURN_GRACE
    }

    /// Until when to let others in between, when it is time to: as long as one of them needs, and not
    /// so long that those who wait for us pass us over. Nothing is offered where they had the
    /// time anyway.
    pub(super) fn offer(&mut self) -> Option<Instant> {
        let (_, _, seen) = self.last?;
        let now = Instant::now();
        if now.duration_since(self.offered) < self.offer_every {
            return None;
        }
        self.offered = now;
        self.offer_every = (self.offer_every * 2).min(OFFER_MAX);
        Some(seen + self.look + self.commit).filter(|until| now < *until)
    }

    /// A question for the head was answered, which took so long.
    pub(super) fn looked(&mut self, took: Duration) {
        self.look = (self.look * 3 + took) / 4;
    }

    /// What a question for the head takes.
    pub(super) fn look(&self) -> Duration {
        self.look
    }

    /// The number of the last head that was seen.
    pub(super) fn last_commit(&self) -> u64 {
        self.last.map_or(0, |(_, commit, _)| commit)
    }

    /// The others whose turn comes between the last author's and ours.
    fn before_us(&self) -> Vec<u64> {
        let Some((last, ..)) = self.last else { return Vec::new() };
        // How far behind the last author in the round; itself is the farthest.
        let place = |author: u64| author.wrapping_sub(last).wrapping_sub(1);
        let (own, now) = (place(self.own), Instant::now());
        let is_expected = |seen: &Instant| now.duration_since(*seen) < EXPECTED_FOR;
        let before = self.others.iter().filter(|(author, _)| place(**author) < own);
        before.filter(|(_, seen)| is_expected(seen)).map(|(author, _)| *author).collect()
    }

    /// How long to wait: not before the first moment is there anything to see, and at the second
    /// it is our turn whatever is seen. `None` when it is our turn now.
    pub(super) fn wait(&self) -> Option<(Instant, Instant)> {
        let (_, _, seen) = self.last?;
        let before = u32::try_from(self.before_us().len()).unwrap_or(u32::MAX);
        let turn = self.turn();
        let until = seen + turn.checked_mul(before).unwrap_or(EXPECTED_FOR).min(EXPECTED_FOR);
        let looks_from = seen + self.commit.saturating_mul(before.saturating_sub(1));
        (before > 0 && Instant::now() < until).then_some((looks_from.min(until), until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(commit: u64, author: u64) -> Head {
        Head { commit, author: Some(author), ..Head::default() }
    }

    /// Process 5 of 2, 5 and 8, each of which has committed.
    fn among_three() -> Turns {
        let mut turns = Turns::new(5);
        turns.saw(&head(1, 5));
        turns.saw(&head(2, 8));
        turns.saw(&head(3, 2));
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_alone_waits_for_nobody() {
        let mut turns = Turns::new(5);
        assert!(turns.wait().is_none());
        // A caller that wrote that may have ended long ago.
        turns.saw(&head(7, 2));
        assert!(turns.wait().is_none());
        turns.committed(&head(8, 5), TIME_GUESS);
        assert!(turns.wait().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn each_comes_after_the_one_before() {
        let mut turns = among_three();
        assert!(turns.wait().is_none(), "2 was the one before");
        turns.committed(&head(4, 5), TIME_GUESS);
        assert_eq!(turns.before_us().len(), 2);
        turns.saw(&head(5, 8));
        assert_eq!(turns.before_us(), [2]);
        turns.saw(&head(6, 2));
        assert!(turns.wait().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_alone_lets_others_in_now_and_then() {
        let mut turns = Turns::new(5);
        let mut offers = 0;
        for commit in 0..1_000 {
            turns.committed(&head(commit, 5), TIME_GUESS);
            offers += u32::from(turns.offer().is_some());
            tokio::time::advance(TIME_GUESS).await;
        }
        // After 250 ms, 0.5 s, 1 s, and every 2 s.
        assert_eq!(offers, 7);
        turns.saw(&head(1_001, 8));
        turns.committed(&head(1_002, 5), TIME_GUESS);
        tokio::time::advance(OFFER_FIRST).await;
        assert!(turns.offer().is_none(), "they had the time");
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_does_not_come_is_passed_over() {
        let mut turns = among_three();
        turns.committed(&head(4, 5), TIME_GUESS);
        let (_, until) = turns.wait().unwrap();
        tokio::time::advance(until - Instant::now()).await;
        assert!(turns.wait().is_none());
        turns.committed(&head(5, 5), TIME_GUESS);
        assert!(turns.wait().is_none(), "nobody is expected any more");
        turns.saw(&head(6, 8));
        turns.committed(&head(7, 5), TIME_GUESS);
        assert_eq!(turns.before_us(), [8], "8 is back");
        tokio::time::advance(EXPECTED_FOR).await;
        assert!(turns.wait().is_none());
    }
}
