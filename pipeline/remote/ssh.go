package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/skeema/knownhosts"
	sshagent "github.com/xanzy/ssh-agent"
	"golang.org/x/crypto/ssh"

	"github.com/mage-os/nightly/pipeline/files"
)

// SSH is how ssh:// and sftp:// are logged in to. The zero SSH takes what the user's own
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

// Config gives what a login at an address (host:port) needs; an empty name is
// that of the user. The caller calls closeAgent when it has logged in. Errors are
// an *IdentityError.
func (s SSH) Config(address, name string) (config *ssh.ClientConfig, closeAgent func(), err error) {
	var home string
	if current, err := user.Current(); err == nil {
		home = current.HomeDir
		if name == "" {
			name = current.Username
		}
	}
	hosts, err := knownhosts.NewDB(existing(s.KnownHosts, filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts")...)
	if err != nil {
		return nil, nil, &IdentityError{fmt.Errorf("read known_hosts: %w; give what ssh-keyscan writes in the file that NIGHTLY_KNOWN_HOSTS names", err)}
	}
	signers, closeAgent, err := s.signers(home)
	if err != nil {
		return nil, nil, &IdentityError{err}
	}
	return &ssh.ClientConfig{
		User:              name,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyCallback:   hosts.HostKeyCallback(),
		HostKeyAlgorithms: hosts.HostKeyAlgorithms(address),
	}, closeAgent, nil
}

// Dial connects to an address (host:port) and logs in; the context ends both, but not
// the connection that was made.
func (s SSH) Dial(ctx context.Context, address, name string) (*ssh.Client, error) {
	config, closeAgent, err := s.Config(address, name)
	if err != nil {
		return nil, err
	}
	defer closeAgent()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	connection, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		_ = conn.Close() // the handshake has closed it, or this does
		return nil, Judge(err, address)
	}
	return ssh.NewClient(connection, channels, requests), nil
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
	keys := s.Keys
	if len(keys) == 0 {
		if agent, conn, err := sshagent.New(); err == nil {
			if conn != nil {
				closeAgent = func() { conn.Close() }
			}
			if held, err := agent.Signers(); err == nil {
				signers = held
			}
		}
		for _, name := range identities {
			keys = append(keys, existing(nil, filepath.Join(home, ".ssh", name))...)
		}
	}
	var locked []string
	for _, file := range keys {
		var signer ssh.Signer
		data, err := files.Read(file, files.Small)
		if err == nil {
			signer, err = ssh.ParsePrivateKey(data)
		}
		var passphrase *ssh.PassphraseMissingError
		if errors.As(err, &passphrase) {
			locked = append(locked, file)
			continue
		}
		if err != nil {
			closeAgent()
			return nil, nil, fmt.Errorf("read ssh key %s: %w; give a private key in the file that NIGHTLY_DEPLOY_KEY names", file, err)
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

// An IdentityError is a failure about who somebody is, the server or this user. Another
// try would end the same way.
type IdentityError struct{ err error }

// Error implements error.
func (e *IdentityError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *IdentityError) Unwrap() error { return e.err }

// Judge tells what is wrong with a key, which it makes an *IdentityError with
// advice, from what is wrong with the network, which it returns as it is.
func Judge(err error, address string) error {
	switch {
	case err == nil:
		return nil
	case knownhosts.IsHostKeyChanged(err):
		return &IdentityError{fmt.Errorf("%w; the server has another key than known_hosts has for %s: somebody may be in between. "+
			"If the change is announced, ssh-keygen -R removes the old key", err, address)}
	case knownhosts.IsHostUnknown(err):
		return &IdentityError{fmt.Errorf("%w; known_hosts has no key for %s: connect once with ssh and compare its fingerprint", err, address)}
	case strings.Contains(err.Error(), "unable to authenticate"):
		return &IdentityError{fmt.Errorf("%w; the server accepts none of the keys: add one to the account there", err)}
	}
	return err
}
