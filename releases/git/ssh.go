package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git/remote"
)

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
	config, closeAgent, err := l.options.SSH.Config(address, endpoint.User)
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
		return nil, remote.Judge(err, address)
	}
	// The context stays bound to the connection, for what is read over it.
	return ssh.NewClient(connection, channels, requests), nil
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
