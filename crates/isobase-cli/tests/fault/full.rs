//! A disk without space.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use isobase_testkit::{TestServer, wait_until};
use tempfile::TempDir;

use super::{
    client::{Client, created_id, refused_for_now},
    file::assert_sound,
    stored::{Feed, ids_by_key},
    support::{PATIENCE, begin, leave_out, start_until_ready, status, wait_until_readyz},
};

const DISK: &str = "32m";
/// Each round deletes a file that does nothing but fill the disk.
const ROUNDS: usize = 3;
pub(super) const FILLER_BYTES: usize = 6 << 20;
const BODY_BYTES: usize = 200 << 10;
/// Writing works again within this time after there is space.
const RESUME_MAX: Duration = Duration::from_secs(5);

#[test]
fn writing_stops_and_resumes_with_the_space() {
    let Some(disk) = SmallDisk::mount() else { return };
    let _alone = begin("isobase serve on SQLite, on a small disk that gets full");
    let data = disk.inside.join("data");
    let wrapper = disk.wrapper();
    let mut server = TestServer::builder().data(&data).wrapper(wrapper).start().unwrap();
    eprintln!("target: {}, on {DISK} at {}", server.url(), disk.inside.display());
    let mut client = Client::connect(server.address()).unwrap();
    let filler = |round: usize| disk.outside().join(format!("filler-{round}"));
    for round in 0..ROUNDS {
        fs::write(filler(round), vec![0; FILLER_BYTES]).unwrap();
    }
    let mut answered = Vec::new();
    for round in 0..ROUNDS {
        let refused = fill(&mut client, round, &mut answered);
        let kept = format!("/records/full/{}", answered[0].1);
        assert_eq!(client.get(&kept).unwrap().status, 200);
        assert_eq!(client.get("/records/full?limit=5").unwrap().status, 200);
        assert_eq!(status(&server, "/livez"), 200);
        assert_eq!(ids_by_key(&server, "full").len(), answered.len());
        assert_eq!(refused_upload(&server), "out_of_space");

        fs::remove_file(filler(round)).unwrap();
        let key = format!("{round}-resumed");
        let body = body(&key);
        let id = wait_until("writing with space", RESUME_MAX, || {
            let answer = client.send("POST", "/records/full", &[], &body)?;
            Ok((answer.status == 201).then(|| created_id(&answer)))
        });
        answered.push((key, id.unwrap()));
        wait_until_readyz(&server, 200, PATIENCE);
        let stored = ids_by_key(&server, "full");
        let there: Vec<_> = refused.iter().filter(|key| stored.contains_key(*key)).collect();
        assert!(there.is_empty(), "answered as not written and there: {there:?}");
        eprintln!("round {round}: {} answers, {} refused", answered.len(), refused.len());
    }
    assert_sound(&disk.outside().join("data"));

    // What was killed on a full disk starts on it, too, and can be read.
    let refused = fill(&mut client, ROUNDS, &mut answered);
    server.kill().unwrap();
    assert_sound(&disk.outside().join("data"));
    start_until_ready(&mut server);
    let stored = ids_by_key(&server, "full");
    for (key, id) in &answered {
        assert_eq!(stored.get(key), Some(id), "{key} was answered and is lost");
    }
    assert!(refused.iter().all(|key| !stored.contains_key(key)));
    Feed::default().assert_complete(&server);
    // There is no space for the log in the file, either: it stays, and nothing is lost by that.
    assert!(server.terminate().unwrap().success(), "{}", server.log());
    assert_sound(&disk.outside().join("data"));
}

/// Uploads a file that is larger than the space that is left, of which nothing stays.
fn refused_upload(server: &TestServer) -> String {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let body = [head.as_bytes(), &vec![7; FILLER_BYTES], b"\r\n--b--\r\n"].concat();
    let multipart = [("content-type", "multipart/form-data; boundary=b")];
    let refused = server.request("POST", "/api/upload", &multipart, &body).unwrap();
    assert_eq!(refused.status, 507, "{}", refused.text());
    refused.json().unwrap()["code"].as_str().unwrap().to_owned()
}

/// Writes until the disk is full, and some more; gives the keys that were refused.
fn fill(client: &mut Client, round: usize, answered: &mut Vec<(String, u64)>) -> Vec<String> {
    let mut refused = Vec::new();
    for number in 0..10_000 {
        let key = format!("{round}-{number}");
        let answer = client.send("POST", "/records/full", &[], &body(&key)).unwrap();
        if answer.status == 201 {
            answered.push((key, created_id(&answer)));
            continue;
        }
        assert_eq!(refused_for_now(&answer), "out_of_space");
        refused.push(key);
        if refused.len() == 20 {
            return refused;
        }
    }
    panic!("the disk did not get full");
}

fn body(key: &str) -> String {
    format!(r#"{{"key":"{key}","filler":"{}"}}"#, "x".repeat(BODY_BYTES))
}

/// A tmpfs in a mount namespace of its own: it needs no cleaning up, and root only where users
/// may not have namespaces. Its drop ends it.
pub(super) struct SmallDisk {
    /// Keeps the namespace alive.
    holder: Child,
    /// The mount point as processes in the namespace see it.
    pub(super) inside: PathBuf,
    has_user_namespace: bool,
    /// Never read; its drop removes the mount point.
    _folder: TempDir,
}

impl SmallDisk {
    /// `None` when neither kind of namespace can be had, and the test is left out.
    pub(super) fn mount() -> Option<Self> {
        let disk = [true, false].into_iter().find_map(Self::try_mount);
        if disk.is_none() {
            leave_out("this user can mount no tmpfs, not even in a namespace of its own");
        }
        disk
    }

    fn try_mount(has_user_namespace: bool) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("disk");
        fs::create_dir(&inside).unwrap();
        let mut command = Command::new("unshare");
        command.arg("-m").args(has_user_namespace.then_some("-r")).args(["sh", "-c"]);
        // `cat` ends with its input, which ends with this test, however that ends.
        let script = "mount -t tmpfs -o size=$1 tmpfs \"$2\" && echo mounted && exec cat";
        command.args([script, "sh", DISK]).arg(&inside).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut holder = command.spawn().ok()?;
        let mut line = String::new();
        let out = holder.stdout.take().expect("standard output is a pipe");
        BufReader::new(out).read_line(&mut line).unwrap();
        let disk = Self { holder, inside, has_user_namespace, _folder: folder };
        (line == "mounted\n").then_some(disk)
    }

    /// Starts the service in the namespace.
    pub(super) fn wrapper(&self) -> Vec<String> {
        let pid = self.holder.id().to_string();
        let mut words = ["nsenter", "-t", &pid, "-m", "-w"].map(str::to_owned).to_vec();
        if self.has_user_namespace {
            words.extend(["-U", "--preserve-credentials"].map(str::to_owned));
        }
        words.push("--".to_owned());
        words
    }

    /// The mount point as this process sees it.
    pub(super) fn outside(&self) -> PathBuf {
        let root = Path::new("/proc").join(self.holder.id().to_string()).join("root");
        root.join(self.inside.strip_prefix("/").expect("a temporary folder has a whole path"))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
