package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"time"

	"github.com/mage-os/nightly/stages"
)

// An Extra is a service that a shop can do without: a cache (Valkey or Redis) or
// a queue (RabbitMQ).
type Extra struct {
	Address  string // host:port
	User     string // of a queue
	Password Password
}

// ParseCache reads redis://host:port; valkey:// is the same, and the port is 6379
// if there is none.
func ParseCache(text string) (*Extra, error) {
	return parseExtra("cache", text, "6379", "redis", "valkey")
}

// ParseQueue reads amqp://user:password@host:port; the port is 5672 if there is
// none, and user and password are guest. Its errors do not repeat the text.
func ParseQueue(text string) (*Extra, error) {
	q, err := parseExtra("queue", text, "5672", "amqp")
	if err == nil && q.User == "" {
		q.User, q.Password = "guest", "guest"
	}
	return q, err
}

func parseExtra(what, text, port string, schemes ...string) (*Extra, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("the %s's address is no URL with a host: want %s://host:%s", what, schemes[0], port)
	}
	known := false
	for _, scheme := range schemes {
		known = known || u.Scheme == scheme
	}
	if !known {
		return nil, fmt.Errorf("the %s's address begins with %q: want %s://host:%s", what, u.Scheme, schemes[0], port)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	password, _ := u.User.Password()
	return &Extra{Address: net.JoinHostPort(u.Hostname(), port), User: u.User.Username(), Password: Password(password)}, nil
}

// What the services are asked, and what of their answers is their version. A
// queue says it in the properties of its first frame, Connection.Start: the field
// version, a long string.
//
// Source: the specifications of RESP and of AMQP 0-9-1.
var (
	cacheQuestion = "INFO server\r\n"
	cacheVersion  = regexp.MustCompile(`(valkey|redis)_version:(\S+)`)
	queueQuestion = "AMQP\x00\x00\x09\x01"
	queueVersion  = regexp.MustCompile(`(?s)\x07(version)S\x00\x00\x00.([0-9][0-9A-Za-z.+-]*)`)
)

// askExtra waits for a service and asks for its version.
func askExtra(ctx context.Context, what, address, question string, version *regexp.Regexp) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("no answer within %v", answerTime))
	defer cancel()
	for {
		found, err := extraAbout(ctx, address, question, version)
		if err == nil {
			return found, nil
		}
		select {
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", ctx.Err()
			}
			return "", &MachineError{Err: fmt.Errorf("the %s at %s: %w: %w", what, address, context.Cause(ctx), err), Do: "start it, correct its address, or do without"}
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// maxAbout is how much of an answer is read, in bytes.
const maxAbout = 64 << 10

func extraAbout(ctx context.Context, address, question string, version *regexp.Regexp) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // nothing of worth was written
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte(question)); err != nil {
		return "", err
	}
	var said bytes.Buffer
	part := make([]byte, 4096)
	for said.Len() < maxAbout {
		n, err := conn.Read(part)
		said.Write(part[:n])
		found := version.FindSubmatch(said.Bytes())
		// What follows the version has come, so that it is whole.
		if found != nil && !bytes.HasSuffix(said.Bytes(), found[0]) {
			return string(found[2]), nil
		}
		if err != nil {
			return "", fmt.Errorf("what answers says no version: %w", err)
		}
	}
	return "", errors.New("what answers says no version")
}

// extraTools are the cache and the queue, if there are any, as tools of an
// installation.
func (v Services) extraTools(ctx context.Context) ([]stages.Tool, error) {
	var found []stages.Tool
	if v.Cache != nil {
		version, err := askExtra(ctx, "cache", v.Cache.Address, cacheQuestion, cacheVersion)
		if err != nil {
			return nil, err
		}
		found = append(found, stages.Tool{Name: "cache", Version: version})
	}
	if v.Queue != nil {
		version, err := askExtra(ctx, "queue", v.Queue.Address, queueQuestion, queueVersion)
		if err != nil {
			return nil, err
		}
		found = append(found, stages.Tool{Name: "queue", Version: version})
	}
	return found, nil
}

// startExtras looks for the cache and the queue.
func (s *shop) startExtras(ctx context.Context) error {
	found, err := s.options.Services.extraTools(ctx)
	for _, tool := range found {
		s.prove(tool.Name, "%s", tool.Version)
	}
	return err
}

// extraArguments are setup:install's for cache, sessions and queue.
func (v Services) extraArguments() []string {
	args := []string{"--session-save=files"}
	if v.Cache != nil {
		host, port, _ := net.SplitHostPort(v.Cache.Address) // parseExtra has made it of the two
		args = []string{
			"--session-save=redis", "--session-save-redis-host=" + host, "--session-save-redis-port=" + port, "--session-save-redis-db=2",
			"--cache-backend=redis", "--cache-backend-redis-server=" + host, "--cache-backend-redis-port=" + port, "--cache-backend-redis-db=0",
			"--page-cache=redis", "--page-cache-redis-server=" + host, "--page-cache-redis-port=" + port, "--page-cache-redis-db=1",
		}
	}
	if v.Queue != nil {
		host, port, _ := net.SplitHostPort(v.Queue.Address)
		args = append(args, "--amqp-host="+host, "--amqp-port="+port, "--amqp-user="+v.Queue.User, "--amqp-password="+string(v.Queue.Password), "--amqp-virtualhost=/")
	}
	return args
}
