//! A TCP proxy on loopback that misbehaves when told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use crate::ReservedPort;

const PIECE_BYTES: usize = 16 * 1024;
const BACKLOG: u32 = 1024;
/// Pieces on their way in one direction of a connection.
const PIECES_MAX: usize = 64;

/// How a [`FaultProxy`] treats connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Everything passes.
    #[default]
    None,
    /// Every piece arrives so much later, in both directions, as over a long link: what is sent
    /// meanwhile follows it as closely as it was sent.
    Delay(Duration),
    /// Connections open and stay open, and nothing passes. What was sent
    /// meanwhile passes when the fault ends, as after a broken link.
    Blackhole,
    /// No one listens on the port; open connections go on.
    Refuse,
    /// Open connections are reset, new ones as soon as they are made.
    Reset,
}

/// A proxy in front of one server. Its drop closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    port: Arc<ReservedPort>,
    state: Arc<State>,
    commands: mpsc::UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// What the test and the connections share.
#[derive(Debug, Default)]
struct State {
    /// Written by the test, counted down by whatever comes from the server.
    cut_after: Mutex<Option<usize>>,
    /// Written by the test, read for each piece from a client.
    reset_before: Mutex<Vec<u8>>,
    live: AtomicUsize,
    accepted: AtomicUsize,
    sent: AtomicUsize,
}

enum Command {
    /// Answered when it holds for every connection made from now on.
    Set(Fault, oneshot::Sender<()>),
    End,
}

impl FaultProxy {
    /// Starts a proxy to `target`, without a fault.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(target: SocketAddr) -> Result<Self> {
        let port = Arc::new(ReservedPort::new()?);
        let state = Arc::new(State::default());
        let (commands, receiver) = mpsc::unbounded_channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(async { listen(port.address()) })?;
        let (fault, _) = watch::channel(Fault::None);
        let proxy = Proxy { target, address: port.address(), state: Arc::clone(&state), fault };
        let thread = std::thread::Builder::new().name("fault-proxy".into()).spawn(move || {
            runtime.block_on(proxy.run(listener, receiver));
        })?;
        Ok(Self { port, state, commands, thread: Some(thread) })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The port clients connect to.
    pub fn port(&self) -> u16 {
        self.port.port()
    }

    /// Sets the fault. It holds for every connection that is made after the call.
    ///
    /// # Errors
    /// When the port cannot be listened on again.
    pub fn set(&self, fault: Fault) -> Result<()> {
        let (done, wait) = oneshot::channel();
        self.commands.send(Command::Set(fault, done)).ok().context("the proxy has ended")?;
        wait.blocking_recv().context("the proxy could not listen again")
    }

    /// Resets the connection that carries the `bytes`-th byte from the server,
    /// counted from now, right behind that byte. Once.
    pub fn cut_after(&self, bytes: usize) {
        *self.state.cut_after.lock() = Some(bytes);
    }

    /// Resets, before it passes, whatever comes from a client in one piece with
    /// `bytes` in it, such as `COMMIT`. Nothing, when empty.
    pub fn reset_before(&self, bytes: &[u8]) {
        *self.state.reset_before.lock() = bytes.to_vec();
    }

    /// How many connections are open now.
    pub fn live(&self) -> usize {
        self.state.live.load(Ordering::SeqCst)
    }

    /// How many connections were made so far.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// How many pieces came from clients so far. What is written at once is one piece, as a rule.
    pub fn sent(&self) -> usize {
        self.state.sent.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // Either fails only when the thread has ended already.
        let _ = self.commands.send(Command::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The side that lives in the thread.
struct Proxy {
    target: SocketAddr,
    address: SocketAddr,
    state: Arc<State>,
    fault: watch::Sender<Fault>,
}

impl Proxy {
    async fn run(self, listener: TcpListener, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut listener = Some(listener);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Set(fault, done)) => {
                        if fault == Fault::Refuse {
                            listener = None;
                        } else if listener.is_none() {
                            // A failure drops `done`, which tells the test.
                            let Ok(again) = listen(self.address) else { return };
                            listener = Some(again);
                        }
                        self.fault.send_replace(fault);
                        // The test may have gone meanwhile.
                        let _ = done.send(());
                    }
                    Some(Command::End) | None => return,
                },
                client = accept(listener.as_ref()) => {
                    self.state.accepted.fetch_add(1, Ordering::SeqCst);
                    let (target, fault) = (self.target, self.fault.subscribe());
                    tokio::spawn(serve(client, target, Arc::clone(&self.state), fault));
                }
            }
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    loop {
        let Some(listener) = listener else { return std::future::pending().await };
        // A client that has gone before it was accepted is none.
        if let Ok((client, _)) = listener.accept().await {
            return client;
        }
    }
}

async fn serve(
    mut client: TcpStream,
    target: SocketAddr,
    state: Arc<State>,
    mut fault: watch::Receiver<Fault>,
) {
    state.live.fetch_add(1, Ordering::SeqCst);
    let _live = Live(&state);
    let open = fault.wait_for(|fault| *fault != Fault::Blackhole).await.map(|fault| *fault);
    if !matches!(open, Ok(fault) if fault != Fault::Reset) {
        return reset(client);
    }
    let Ok(mut server) = TcpStream::connect(target).await else { return reset(client) };
    // What does not delay on purpose must not delay at all; a failure shows soon enough.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = pump(from_client, to_server, Direction::Up, &state, fault.clone());
        let down = pump(from_server, to_client, Direction::Down, &state, fault.clone());
        tokio::select! {
            both = async { tokio::try_join!(up, down) } => both.is_ok(),
            _ = fault.wait_for(|fault| *fault == Fault::Reset) => false,
        }
    };
    if !ended {
        reset(client);
        reset(server);
    }
}

/// Counts a connection as long as it lives.
struct Live<'a>(&'a State);

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Both sides of the connection are to be reset.
struct Reset;

/// What is on its way, until when, and what comes behind it.
struct Piece {
    bytes: Vec<u8>,
    due: Instant,
    then: Then,
}

#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    End,
    Reset,
}

async fn pump(
    from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    state: &State,
    fault: watch::Receiver<Fault>,
) -> Result<(), Reset> {
    let (pieces, mut on_its_way) = mpsc::channel::<Piece>(PIECES_MAX);
    let arriving = async {
        while let Some(Piece { bytes, due, then }) = on_its_way.recv().await {
            sleep_until(due).await;
            to.write_all(&bytes).await.map_err(|_| Reset)?;
            match then {
                Then::GoOn => {}
                Then::End => return to.shutdown().await.map_err(|_| Reset),
                Then::Reset => return Err(Reset),
            }
        }
        Err(Reset)
    };
    tokio::try_join!(take(from, direction, state, fault, pieces), arriving).map(|_| ())
}

/// Takes what one side sends, piece by piece, until its end.
async fn take(
    mut from: ReadHalf<'_>,
    direction: Direction,
    state: &State,
    mut fault: watch::Receiver<Fault>,
    pieces: mpsc::Sender<Piece>,
) -> Result<(), Reset> {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut buffer).await;
        let open = fault.wait_for(|fault| *fault != Fault::Blackhole).await.map(|fault| *fault);
        let delay = match open.map_err(|_| Reset)? {
            Fault::Delay(delay) => delay,
            _ => Duration::ZERO,
        };
        let mut then = match read {
            Ok(0) => Then::End,
            Ok(_) => Then::GoOn,
            // Behind what came before it.
            Err(_) => Then::Reset,
        };
        let read = read.unwrap_or(0);
        if matches!(direction, Direction::Up) && read > 0 {
            state.sent.fetch_add(1, Ordering::SeqCst);
        }
        let mut bytes = buffer[..read].to_vec();
        match direction {
            Direction::Up if state.is_marked(&bytes) => {
                bytes.clear();
                then = Then::Reset;
            }
            Direction::Down => {
                if let Some(cut) = state.cut(read).filter(|_| read > 0) {
                    bytes.truncate(cut);
                    then = Then::Reset;
                }
            }
            Direction::Up => {}
        }
        let goes_on = then == Then::GoOn;
        let piece = Piece { bytes, due: Instant::now() + delay, then };
        pieces.send(piece).await.map_err(|_| Reset)?;
        if !goes_on {
            return Ok(());
        }
    }
}

impl State {
    fn is_marked(&self, piece: &[u8]) -> bool {
        let mark = self.reset_before.lock();
        !mark.is_empty() && memchr::memmem::find(piece, &mark).is_some()
    }

    /// Counts `read` bytes from the server; `Some` is how many may still pass
    /// before the connection is to be cut.
    fn cut(&self, read: usize) -> Option<usize> {
        let mut cut_after = self.cut_after.lock();
        let left = (*cut_after)?;
        *cut_after = (left > read).then(|| left - read);
        (left <= read).then_some(left)
    }
}

/// Ends a connection by RST rather than FIN.
fn reset(stream: TcpStream) {
    // Without it the connection still ends, only politely.
    let _ = stream.set_zero_linger();
}
