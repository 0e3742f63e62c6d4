// Package targettest starts the servers that targets are tested with: a real sshd,
// an S3 server within the process, and a real one.
package targettest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mage-os/nightly/pipeline/remote"
)

// An SSH is a real sshd on loopback, with keys of its own, that serves sftp.
type SSH struct {
	Address string     // user@host:port
	Login   remote.SSH // that it lets in
	Dir     string     // with its keys
	Port    int

	Flights // its connections
}

// URL is that of a folder of this machine, over the server.
func (s *SSH) URL(dir string) string { return "sftp://" + s.Address + filepath.ToSlash(dir) }

// StartSSH starts an sshd for each connection, as inetd does: no port has to be
// guessed, and nothing to be waited for. Without an sshd the test is skipped.
func StartSSH(t testing.TB) *SSH {
	t.Helper()
	for _, name := range []string{"sshd", "ssh-keygen"} {
		if _, err := program(name); err != nil {
			t.Skipf("needs %s: %v", name, err)
		}
	}
	current, err := user.Current()
	if err != nil {
		t.Skipf("needs the name of this user: %v", err)
	}
	s := &SSH{Dir: t.TempDir()}
	keygen, _ := program("ssh-keygen")
	for _, name := range []string{"host", "user", "stranger"} {
		if out, err := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", filepath.Join(s.Dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	config := filepath.Join(s.Dir, "sshd_config")
	text := fmt.Sprintf("HostKey %[1]s/host\nAuthorizedKeysFile %[1]s/user.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\nSubsystem sftp internal-sftp\n", s.Dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sshd, _ := program("sshd")
	if out, err := exec.Command(sshd, "-t", "-f", config).CombinedOutput(); err != nil {
		t.Skipf("needs an sshd that can run here: %v: %s", err, out)
	}
	s.Port = s.listen(t, sshd, config)
	s.Address = fmt.Sprintf("%s@127.0.0.1:%d", current.Username, s.Port)
	s.Login = remote.SSH{Keys: []string{filepath.Join(s.Dir, "user")}, KnownHosts: []string{s.KnownHosts(t, "host", s.Port)}}
	return s
}

// program finds a program, also one that is only in root's path.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

func (s *SSH) listen(t testing.TB, sshd, config string) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.begin()
			serveConn(conn, &wait, s.end, sshd, config)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		wait.Wait()
	})
	return listener.Addr().(*net.TCPAddr).Port
}

func serveConn(conn net.Conn, wait *sync.WaitGroup, done func(), sshd, config string) {
	socket, err := conn.(*net.TCPConn).File()
	_ = conn.Close() // the copy stays
	if err != nil {
		done()
		return
	}
	command := exec.Command(sshd, "-i", "-e", "-f", config)
	command.Stdin, command.Stdout = socket, socket
	wait.Go(func() {
		defer done()
		_ = command.Run() // it ends with an error whenever the client leaves
		_ = socket.Close()
	})
}

// KnownHosts is a file that says that the server at a port has this key.
func (s *SSH) KnownHosts(t testing.TB, key string, port int) string {
	t.Helper()
	public, err := os.ReadFile(filepath.Join(s.Dir, key+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, fmt.Appendf(nil, "[127.0.0.1]:%d %s", port, public), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
