use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use isobase_testkit::{Fault, FaultProxy, wait_until};

const SOON: Duration = Duration::from_secs(20);
/// Long enough to see that nothing comes, without a slow test.
const SILENCE: Duration = Duration::from_millis(100);

/// A proxy in front of a server that sends back what it gets.
fn echo() -> FaultProxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap()).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    proxy
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn exchange(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(text)?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back)?;
    Ok(back)
}

#[test]
fn passes_bytes_and_the_end() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    assert_eq!(exchange(&mut stream, b"hello").unwrap(), b"hello");
    assert_eq!((proxy.live(), proxy.accepted()), (1, 1));
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    wait_until("no connection", SOON, || Ok((proxy.live() == 0).then_some(()))).unwrap();
}

#[test]
fn delays_both_directions() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    let delay = Duration::from_millis(30);
    proxy.set(Fault::Delay(delay)).unwrap();
    let start = Instant::now();
    exchange(&mut stream, b"slow").unwrap();
    assert!(start.elapsed() >= delay * 2);
}

#[test]
fn swallows_until_the_fault_ends() {
    let proxy = echo();
    let mut old = connect(&proxy);
    exchange(&mut old, b"a").unwrap();
    proxy.set(Fault::Blackhole).unwrap();
    let mut new = connect(&proxy);
    for stream in [&mut old, &mut new] {
        stream.write_all(b"held").unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(SOON)).unwrap();
    }
    proxy.set(Fault::None).unwrap();
    for stream in [&mut old, &mut new] {
        let mut back = [0; 4];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"held");
    }
}

#[test]
fn refuses_new_connections_only() {
    let proxy = echo();
    let mut old = connect(&proxy);
    exchange(&mut old, b"a").unwrap();
    proxy.set(Fault::Refuse).unwrap();
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    exchange(&mut old, b"still there").unwrap();
    proxy.set(Fault::None).unwrap();
    exchange(&mut connect(&proxy), b"again").unwrap();
}

#[test]
fn resets_old_and_new_connections() {
    let proxy = echo();
    let mut old = connect(&proxy);
    exchange(&mut old, b"a").unwrap();
    proxy.set(Fault::Reset).unwrap();
    assert_eq!(old.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut new = connect(&proxy);
    assert_eq!(new.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    proxy.set(Fault::None).unwrap();
    exchange(&mut connect(&proxy), b"again").unwrap();
}

#[test]
fn cuts_an_answer_once() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    proxy.cut_after(3);
    stream.write_all(b"hello").unwrap();
    let mut back = [0; 3];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"hel");
    assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    exchange(&mut connect(&proxy), b"whole again").unwrap();
}

#[test]
fn resets_before_marked_bytes_pass() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    proxy.reset_before(b"COMMIT");
    exchange(&mut stream, b"BEGIN").unwrap();
    let error = exchange(&mut stream, b"now COMMIT").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn closes_everything_at_the_end() {
    let proxy = echo();
    let mut stream = connect(&proxy);
    exchange(&mut stream, b"a").unwrap();
    drop(proxy);
    assert!(matches!(stream.read(&mut [0; 8]), Ok(0) | Err(_)));
}
