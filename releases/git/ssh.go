package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/skeema/knownhosts"
	sshagent "github.com/xanzy/ssh-agent"
	"golang.org/x/crypto/ssh"

	"github.com/mage-os/nightly/releases"
)

// SSH is how ssh:// repositories are opened. The zero SSH takes what the user's own
// ssh takes: the agent, the usual keys in ~/.ssh and ~/.ssh/known_hosts.
type SSH struct {
	// Keys are files with private keys; when there are any, neither the agent nor
	// ~/.ssh is asked.
	Keys []string
	// KnownHosts are files with the keys of servers.
	KnownHosts []string
}

// identities are the names of private keys in ~/.ssh, as ssh(1) tries them.
var identities = []string{"id_ed25519", "id_ecdsa", "id_rsa"}

// listSSH asks git-upload-pack over an ssh connection of its own, because go-git's
// cannot be ended while it connects.
func (l *Lister) listSSH(ctx context.Context, endpoint *transport.Endpoint) ([]releases.Ref, error) {
	client, err := l.dial(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	defer session.Close()
	output, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaint limitedText
	session.Stderr = &complaint
	if err := session.Start(transport.UploadPackServiceName + " " + quote(endpoint.Path)); err != nil {
		return nil, err
	}
	answer := packp.NewAdvRefs()
	err = answer.Decode(io.LimitReader(output, maxAnswer))
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, nil
	case err != nil && session.Wait() != nil && complaint.String() != "":
		return nil, fmt.Errorf("the server says: %s; correct the URL in the release line, or the rights of the key", complaint.String())
	case err != nil:
		return nil, err
	case answer.IsEmpty():
		return nil, nil
	}
	return advertised(answer), nil
}

// dial connects and logs in; the context ends both.
func (l *Lister) dial(ctx context.Context, endpoint *transport.Endpoint) (*ssh.Client, error) {
	port := endpoint.Port
	if port == 0 {
		port = 22
	}
	address := net.JoinHostPort(endpoint.Host, strconv.Itoa(port))
	config, closeAgent, err := l.options.SSH.config(address, endpoint.User)
	if err != nil {
		return nil, err
	}
	defer closeAgent()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	connection, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		stop()
		conn.Close()
		return nil, identityError(err, address)
	}
	// The context stays bound to the connection, for what is read over it.
	return ssh.NewClient(connection, channels, requests), nil
}

func (s SSH) config(address, name string) (config *ssh.ClientConfig, closeAgent func(), err error) {
	var home string
	if current, err := user.Current(); err == nil {
		home = current.HomeDir
		if name == "" {
			name = current.Username
		}
	}
	hosts, err := knownhosts.NewDB(existing(s.KnownHosts, filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts")...)
	if err != nil {
		return nil, nil, &identityFailure{fmt.Errorf("read known_hosts: %w", err)}
	}
	signers, closeAgent, err := s.signers(home)
	if err != nil {
		return nil, nil, &identityFailure{err}
	}
	return &ssh.ClientConfig{
		User:              name,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyCallback:   hosts.HostKeyCallback(),
		HostKeyAlgorithms: hosts.HostKeyAlgorithms(address),
	}, closeAgent, nil
}

// existing are the files given, or else those of the usual ones that are there.
func existing(given []string, usual ...string) []string {
	if len(given) > 0 {
		return given
	}
	var files []string
	for _, file := range usual {
		if _, err := os.Stat(file); err == nil && filepath.IsAbs(file) { // relative: the user has no home
			files = append(files, file)
		}
	}
	return files
}

// signers are the keys to log in with. The caller closes the agent when it has
// logged in.
func (s SSH) signers(home string) (signers []ssh.Signer, closeAgent func(), err error) {
	closeAgent = func() {}
	files := s.Keys
	if len(files) == 0 {
		if agent, conn, err := sshagent.New(); err == nil {
			if conn != nil {
				closeAgent = func() { conn.Close() }
			}
			if held, err := agent.Signers(); err == nil {
				signers = held
			}
		}
		for _, name := range identities {
			files = append(files, existing(nil, filepath.Join(home, ".ssh", name))...)
		}
	}
	var locked []string
	for _, file := range files {
		signer, err := readKey(file)
		var passphrase *ssh.PassphraseMissingError
		if errors.As(err, &passphrase) {
			locked = append(locked, file)
			continue
		}
		if err != nil {
			closeAgent()
			return nil, nil, fmt.Errorf("read ssh key %s: %w", file, err)
		}
		signers = append(signers, signer)
	}
	if len(signers) > 0 {
		return signers, closeAgent, nil
	}
	closeAgent()
	if len(locked) > 0 {
		return nil, nil, fmt.Errorf("the ssh keys %s have a passphrase; add one to an ssh agent with ssh-add", strings.Join(locked, ", "))
	}
	return nil, nil, errors.New("no ssh key; start an ssh agent with a key, or make one with ssh-keygen")
}

func readKey(file string) (ssh.Signer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(data)
}

// An identityFailure is one about who somebody is, the server or this user. Another
// try would end the same way.
type identityFailure struct{ err error }

func (e *identityFailure) Error() string { return e.err.Error() }
func (e *identityFailure) Unwrap() error { return e.err }

func isRefusedIdentity(err error) bool {
	var refused *identityFailure
	return errors.As(err, &refused)
}

// identityError tells what is wrong with a key from what is wrong with the network.
func identityError(err error, address string) error {
	switch {
	case knownhosts.IsHostKeyChanged(err):
		return &identityFailure{fmt.Errorf("%w; the server has another key than known_hosts has for %s: somebody may be in between. "+
			"If the change is announced, ssh-keygen -R removes the old key", err, address)}
	case knownhosts.IsHostUnknown(err):
		return &identityFailure{fmt.Errorf("%w; known_hosts has no key for %s: connect once with ssh and compare its fingerprint", err, address)}
	case strings.Contains(err.Error(), "unable to authenticate"):
		return &identityFailure{fmt.Errorf("%w; the server accepts none of the keys: add one to the account there", err)}
	}
	return err
}

// quote makes one word of a path for the server's shell.
func quote(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// limitedText keeps the beginning of what is written to it.
type limitedText struct{ text []byte }

// Write implements io.Writer.
func (t *limitedText) Write(p []byte) (int, error) {
	t.text = append(t.text, p[:min(len(p), 500-min(500, len(t.text)))]...)
	return len(p), nil
}

// String is the text on one line.
func (t *limitedText) String() string { return strings.Join(strings.Fields(string(t.text)), " ") }
