package checkout

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/stages"
)

// A sshServer is a real sshd on the loopback that knows one key.
type sshServer struct {
	address    string // host:port
	user       string
	key        string // file of the client's private key
	knownHosts string // file
}

func tool(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skip(name + " is not installed; this test runs a real ssh server")
	return ""
}

func newSSH(t *testing.T) sshServer {
	t.Helper()
	sshd, keygen := tool(t, "sshd"), tool(t, "ssh-keygen")
	gitProgram(t)
	dir := t.TempDir()
	for _, key := range []string{"host", "client", "stranger"} {
		if out, err := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	public := func(key string) string {
		data, err := os.ReadFile(filepath.Join(dir, key+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(data))[:2], " ")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	config := write("config", fmt.Sprintf("ListenAddress 127.0.0.1:%s\nHostKey %s/host\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n",
		port, dir, write("authorized", public("client")+"\n")))
	known := write("known_hosts", fmt.Sprintf("[127.0.0.1]:%s %s\n", port, public("host")))
	cmd := exec.Command(sshd, "-D", "-e", "-f", config)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(log)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if strings.Contains(lines.Text(), "Server listening on") {
			go func() {
				for lines.Scan() { // keep it from blocking
				}
			}()
			return sshServer{"127.0.0.1:" + port, me.Username, filepath.Join(dir, "client"), known}
		}
	}
	t.Skipf("sshd does not start here: %s", strings.Join(said, "; "))
	return sshServer{}
}

func TestSSH(t *testing.T) {
	server := newSSH(t)
	repository, pin := sample(t, filepath.Join(t.TempDir(), "sample.git"))
	pin.URL = "ssh://" + server.user + "@" + server.address + repository.dir
	folder := filepath.Dir(server.key)
	for _, test := range []struct {
		name, key, hosts, want string
	}{
		{"key and known host", server.key, server.knownHosts, ""},
		{"unknown key", filepath.Join(folder, "stranger"), server.knownHosts, "accepts none of the keys"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &waiter{}
			o := Options{Store: openStore(t), Dir: t.TempDir(), Git: waiting(w)}
			o.Git.SSH = remote.SSH{Keys: []string{test.key}, KnownHosts: []string{test.hosts}}
			out, err := Stage(o).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
			if len(w.pauses) > 0 {
				t.Errorf("tried again: %v", w.pauses)
			}
			if test.want != "" {
				mustBeSourceError(t, err, test.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := out.Repositories[0].Head.Files; got != len(wantSample[0]) {
				t.Errorf("%d files", got)
			}
		})
	}
}
