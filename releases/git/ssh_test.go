package git

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline/remote"
)

// A sshServer is a real sshd on loopback with keys of its own.
type sshServer struct {
	url   string     // ssh://user@host:port
	login remote.SSH // that it lets in
	dir   string
	host  string // as known_hosts writes it
}

// startSSH starts an sshd for each connection, as inetd does: no port has to be
// guessed, and nothing to be waited for.
func startSSH(t *testing.T) *sshServer {
	t.Helper()
	sshd, keygen := tool(t, "sshd"), tool(t, "ssh-keygen")
	tool(t, "git")
	current, err := user.Current()
	if err != nil {
		t.Skipf("needs the name of this user: %v", err)
	}
	dir := t.TempDir()
	for _, name := range []string{"host", "user", "stranger"} {
		run(t, keygen, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", filepath.Join(dir, name))
	}
	config := fmt.Sprintf("HostKey %[1]s/host\nAuthorizedKeysFile %[1]s/user.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n", dir)
	file := writeText(t, filepath.Join(dir, "sshd_config"), config)
	if out, err := exec.Command(sshd, "-t", "-f", file).CombinedOutput(); err != nil {
		t.Skipf("needs an sshd that can run here: %v: %s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() { serveSSH(listener, &wait, sshd, file) })
	t.Cleanup(func() {
		listener.Close()
		wait.Wait()
	})
	port := listener.Addr().(*net.TCPAddr).Port
	s := &sshServer{
		url: fmt.Sprintf("ssh://%s@127.0.0.1:%d", current.Username, port), dir: dir, host: fmt.Sprintf("[127.0.0.1]:%d", port),
	}
	s.login = remote.SSH{Keys: []string{filepath.Join(dir, "user")}, KnownHosts: []string{s.knownHosts(t, "host")}}
	return s
}

// options log in to the server.
func (s *sshServer) options() Options { return Options{Client: remote.Client{SSH: s.login}} }

func serveSSH(listener net.Listener, wait *sync.WaitGroup, sshd, config string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		socket, err := conn.(*net.TCPConn).File()
		conn.Close()
		if err != nil {
			return
		}
		command := exec.Command(sshd, "-i", "-e", "-f", config)
		command.Stdin, command.Stdout = socket, socket
		wait.Go(func() {
			_ = command.Run() // it ends with an error whenever the client leaves
			socket.Close()
		})
	}
}

func writeText(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// knownHosts is a file that says that the server has this key.
func (s *sshServer) knownHosts(t *testing.T, key string) string {
	t.Helper()
	public, err := os.ReadFile(filepath.Join(s.dir, key+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	return writeText(t, filepath.Join(t.TempDir(), "known_hosts"), s.host+" "+string(public))
}

func TestListOverSSH(t *testing.T) {
	server, dir := startSSH(t), repositories(t)
	assertRefs(t, NewLister(server.options()), server.url+dir+"/one", refsOfOne)
	quoted := filepath.Join(dir, "it's one!")
	if err := os.Rename(filepath.Join(dir, "one"), quoted); err != nil {
		t.Fatal(err)
	}
	assertRefs(t, NewLister(server.options()), server.url+dir+"/it's%20one!", refsOfOne)
}

func TestListOverSSHFails(t *testing.T) {
	server, dir := startSSH(t), repositories(t)
	stranger := remote.SSH{Keys: []string{filepath.Join(server.dir, "stranger")}, KnownHosts: server.login.KnownHosts}
	cases := []struct {
		name, path string
		login      remote.SSH
		says       []string
	}{
		{"no such repository", dir + "/none", server.login, []string{"repository not found", "correct the URL"}},
		{"a key that it does not know", dir + "/one", stranger, []string{"none of the keys"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var waits clock
			assertError(t, NewLister(Options{Client: remote.Client{SSH: c.login, Policy: remote.Policy{Wait: waits.wait}}}), server.url+c.path, "", append(c.says, server.url)...)
			assertWaited(t, &waits)
		})
	}
}

func TestListOverSSHAsksAgain(t *testing.T) {
	server := startSSH(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	var waits clock
	lister := NewLister(Options{Client: remote.Client{SSH: server.login, Policy: remote.Policy{Wait: waits.wait, Tries: 3}}})
	assertError(t, lister, "ssh://git@"+address+"/one", "", "connection refused", "3 tries", "network")
	assertWaited(t, &waits, time.Second, 2*time.Second)
}

func TestListOverSSHLeavesAServerThatHangs(t *testing.T) {
	server := startSSH(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0") // connections stay in its queue
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	lister := NewLister(Options{Client: remote.Client{SSH: server.login, Policy: remote.Policy{Wait: new(clock).wait, Timeout: 50 * time.Millisecond, Tries: 2}}})
	assertError(t, lister, "ssh://git@"+listener.Addr().String()+"/one", "", "no answer within 50ms", "2 tries")
}
