package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// newKey writes a private key to a file.
func newKey(t *testing.T, passphrase string) (file string, key ssh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	if key, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, string(pem.EncodeToMemory(block))), key
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// serveSSH lets one key log in.
func serveSSH(t *testing.T, host, client ssh.Signer) (address string) {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(client.PublicKey().Marshal()) {
			return nil, errors.New("another key")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				if _, channels, requests, err := ssh.NewServerConn(conn, config); err == nil {
					go ssh.DiscardRequests(requests)
					for c := range channels {
						_ = c.Reject(ssh.Prohibited, "")
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func TestDial(t *testing.T) {
	_, host := newKey(t, "")
	clientFile, client := newKey(t, "")
	strangerFile, stranger := newKey(t, "")
	lockedFile, _ := newKey(t, "secret")
	address := serveSSH(t, host, client)
	known := func(key ssh.Signer) string {
		return writeFile(t, knownhosts.Line([]string{address}, key.PublicKey())+"\n")
	}
	for _, test := range []struct{ name, key, hosts, want string }{
		{"key and known host", clientFile, known(host), ""},
		{"a key that it does not know", strangerFile, known(host), "the server accepts none of the keys"},
		{"a server that is not known", clientFile, writeFile(t, ""), "known_hosts has no key for " + address},
		{"a server with another key", clientFile, known(stranger), "ssh-keygen -R removes the old key"},
		{"a key with a passphrase", lockedFile, known(host), "passphrase; add one to an ssh agent with ssh-add"},
		{"no such key", clientFile + "x", known(host), clientFile + "x: no such file"},
		{"no such list of hosts", clientFile, clientFile + "x", "read known_hosts"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := SSH{Keys: []string{test.key}, KnownHosts: []string{test.hosts}}
			conn, err := s.Dial(t.Context(), address, "me")
			if err == nil {
				conn.Close()
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !IsIdentity(err) || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// The context ends a login, and leaves the connection that was made.
func TestDialEnds(t *testing.T) {
	_, host := newKey(t, "")
	file, client := newKey(t, "")
	listener, err := net.Listen("tcp", "127.0.0.1:0") // connections stay in its queue
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := serveSSH(t, host, client)
	hosts := writeFile(t, knownhosts.Line([]string{address, listener.Addr().String()}, host.PublicKey())+"\n")
	s := SSH{Keys: []string{file}, KnownHosts: []string{hosts}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Dial(ctx, listener.Addr().String(), "me"); err == nil || IsIdentity(err) {
		t.Errorf("a server that says nothing: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	conn, err := s.Dial(ctx, address, "me")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if _, _, err := conn.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		t.Errorf("the connection ended with the context of its login: %v", err)
	}
}
